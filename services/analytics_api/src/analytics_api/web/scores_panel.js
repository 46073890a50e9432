// The key figures, and how the integrated scores have moved since the page was opened.

import { onColours, plot } from "./charts.js";
import { byId, element, write } from "./elements.js";
import { clock, count, percent, score, short, signed } from "./figures.js";
import { sparkline } from "./sparkline.js";

const KEPT = 3600; // points; at one a second, an hour
const FLAT = 0.002; // a smaller movement is drawn as such, not blown up to a mountain
const SCORES = {
  operational_excellence_score: ["tile-excellence", "Operational excellence"],
  business_health_index: ["tile-health", "Business health"],
  data_quality_composite: ["tile-quality", "Data quality"],
};

export class ScoresPanel {
  constructor() {
    this.times = [];
    this.values = Object.fromEntries(Object.keys(SCORES).map((name) => [name, []]));
    write(byId("scores-since"), `since ${clock(Date.now())}`);
    onColours(() => this.#plot());
  }

  integrated({ cross_domain_insights: scores }) {
    this.times.push(new Date());
    if (this.times.length > KEPT) this.times.shift();
    for (const [name, [id]] of Object.entries(SCORES)) {
      const values = this.values[name];
      values.push(scores[name]);
      if (values.length > KEPT) values.shift();
      this.#tile(id, name, values);
    }
    this.#plot();
  }

  #tile(id, name, values) {
    const tile = byId(id), now = values.at(-1), moved = now - values[0];
    const quality = name === "data_quality_composite";
    write(tile.querySelector(".value"), quality ? percent(now, 2) : score(now));
    const label = `${SCORES[name][1]} since the page was opened: ${signed(moved, 4)}`;
    tile.querySelector(".foot").replaceChildren(
      sparkline(values, { label, filled: true, least: FLAT }),
      element("span", { class: "moved", title: "since this page was opened" }, quality ? "" : signed(moved, 4)));
  }

  #plot() {
    if (!this.times.length) return;
    const lines = ["operational_excellence_score", "business_health_index"].map((name) => ({ name: SCORES[name][1], x: [...this.times], y: [...this.values[name]], format: ".4f" })); // copies: plotly looks for other arrays, not at what is in them
    plot(byId("scores-plot"), [lines[0], { ...lines[1], row: 1 }], { titles: lines.map(({ name }) => name), live: true });
  }

  machines(answer) {
    const { high_risk_machines: high, medium_risk_machines: medium, low_risk_machines: low, total_machines_analyzed: all } = answer;
    shares("tile-risk", high, `of ${count(all)} machines; ${count(medium)} at medium risk`, [["high", high], ["medium", medium], ["low", low]]);
    const { high_priority_alerts: alerts, records_analyzed: readings, predicted_maintenance_events: due } = answer;
    const tile = byId("tile-alerts");
    write(tile.querySelector(".value"), short(alerts));
    write(tile.querySelector(".under"), `in ${short(readings)} readings; mean score ${score(answer.average_alert_score, 2)}`);
    tile.querySelector(".foot").replaceChildren(element("span", {}, `${count(due)} ${due === 1 ? "machine" : "machines"} due for service`));
  }

  customers(answer) {
    const { high_value_customers: high, medium_value_customers: medium, standard_customers: low, total_customers_analyzed: all } = answer;
    shares("tile-customers", high, `of ${count(all)} customers; satisfaction ${score(answer.customer_satisfaction_index, 2)} of 10`, [["good", high], ["middle", medium], ["rest", low]]);
  }
}

/** A number, and the whole that it is part of as one bar. */
function shares(id, value, under, parts) {
  const tile = byId(id);
  write(tile.querySelector(".value"), count(value));
  write(tile.querySelector(".under"), under);
  const bar = element("div", { class: "shares", "aria-hidden": "true" }, parts.map(([look]) => element("i", { class: look })));
  parts.forEach(([, part], i) => bar.children[i].style.setProperty("flex-grow", part));
  tile.querySelector(".foot").replaceChildren(bar);
}
