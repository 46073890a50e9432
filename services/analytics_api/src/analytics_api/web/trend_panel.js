// Both domains day by day of event time, one pair of figures at a time.

import { Question } from "./ask.js";
import { onColours, plot } from "./charts.js";
import { byId, element, empty, write } from "./elements.js";
import { count, score } from "./figures.js";

const DAYS = 400; // as many as the API keeps
const VIEWS = {
  "Risk and value": [["Maintenance score of machines", "manufacturing", "average_maintenance_priority"], ["Value score of purchases", "ecommerce", "average_customer_value_score"]],
  "Efficiency and satisfaction": [["Machine efficiency", "manufacturing", "average_machine_efficiency"], ["Customer satisfaction, of 10", "ecommerce", "customer_satisfaction_index", ".2f"]],
  "Alerts and revenue": [["Alerts a day", "manufacturing", "alerts", ",d", true], ["Revenue a day, USD", "ecommerce", "revenue", ",.0f", true]],
};

export class TrendPanel {
  constructor() {
    this.question = new Question(`/v1/insights/trend?days=${DAYS}&window=own`, 5, (answer) => this.#show(answer), (problem) => {
      empty(byId("trend-plot"), "No day so far", problem.detail);
    });
    this.view = Object.keys(VIEWS)[0];
    const buttons = Object.keys(VIEWS).map((name) =>
      element("button", { type: "button", "aria-pressed": String(name === this.view), onclick: () => this.#choose(name) }, name));
    byId("trend-choice").replaceChildren(...buttons);
    onColours(() => this.#plot());
  }

  #choose(view) {
    this.view = view;
    for (const button of byId("trend-choice").children) button.setAttribute("aria-pressed", String(button.textContent === view));
    this.#plot();
  }

  #show(answer) {
    this.answer = answer;
    this.#plot();
  }

  #plot() {
    if (!this.answer) return;
    const { days, correlations, first_day: first, last_day: last } = this.answer;
    const lines = VIEWS[this.view].map(([name, domain, field, format = ".3f", bars = false], row) => {
      const known = days.filter((day) => day[domain]);
      return { name, row, format, bars, x: known.map(({ day }) => day), y: known.map((day) => day[domain][field]) };
    });
    plot(byId("trend-plot"), lines, { titles: lines.map(({ name, x }) => `${name}${x.length ? "" : ": none so far"}`) });
    byId("trend-plot").setAttribute("aria-label", `${this.view}, ${count(days.length)} days of event time from ${first} to ${last}`);
    write(byId("trend-note"), related(VIEWS[this.view], correlations));
  }
}

/** Say whether the two figures on show go together, if the API has been asked that pair. */
function related([[, , one], [, , other]], correlations) {
  const found = correlations.find((pair) => pair.manufacturing === one && pair.ecommerce === other);
  const pair = found ?? correlations[0];
  if (!pair || pair.r === null) return pair?.reason ? `Whether operations and business go together cannot be said yet: ${pair.reason}.` : "";
  const [low, high] = pair.interval_95 ?? [null, null];
  return `Do ${plain(pair.manufacturing)} and ${plain(pair.ecommerce)} go together? r = ${score(pair.r, 2)} over ${count(pair.days)} days (95 %: ${score(low, 2)} to ${score(high, 2)}): ${pair.verdict}.`;
}

const plain = (name) => name.replace(/^average_/, "").replaceAll("_", " ");
