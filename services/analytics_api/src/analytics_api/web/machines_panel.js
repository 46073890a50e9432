// Machines, the riskiest first, each with its last 48 hours.

import { get, Question } from "./ask.js";
import { byId, element, empty, renew, write } from "./elements.js";
import { count, score } from "./figures.js";
import { MachineStory } from "./machine_story.js";
import { sparkline } from "./sparkline.js";

const FEW = 10;
const ALL = 200;
const HISTORIES_A_ROUND = 8; // a flush renews every machine: their histories come over some rounds
export const MEDIUM_RISK_ABOVE = 1.5;

export class MachinesPanel {
  constructor() {
    this.rows = byId("machines-rows");
    this.more = byId("machines-more");
    this.items = [];
    this.histories = new Map(); // machine → { etag, readings, asked, values }
    this.story = new MachineStory();
    this.question = new Question(path(FEW), 1, (page) => this.#show(page));
    this.more.addEventListener("click", () => this.#toggle());
    this.rows.replaceChildren(...Array.from({ length: 6 }, () => element("tr", { class: "skeleton" }, element("td", { colspan: 7 }))));
  }

  #toggle() {
    const all = this.more.getAttribute("aria-expanded") !== "true";
    this.more.setAttribute("aria-expanded", String(all));
    this.question.change(path(all ? ALL : FEW));
    write(this.more, all ? "Show fewer" : "Show all");
  }

  #show({ items, next_cursor: next }) {
    this.items = items;
    if (items.length === 0) {
      this.rows.replaceChildren(element("tr", {}, element("td", { colspan: 7, id: "machines-empty" })));
      empty(byId("machines-empty"), "No machine so far", "Machines appear with their first reading.");
      return;
    }
    for (const old of this.rows.querySelectorAll("tr:not([data-key])")) old.remove();
    this.more.hidden = !next && items.length <= FEW;
    if (!this.more.textContent) write(this.more, "Show all");
    renew(this.rows, items, (item) => item.machine_id, (item) => this.#row(item), (row, item) => this.#renew(row, item));
    this.story.renew(items);
  }

  #row({ machine_id: number }) {
    const open = element("button", { type: "button", class: "machine", onclick: () => this.story.open(number) }, `Machine ${number}`);
    const row = element("tr", {},
      element("th", { scope: "row" }, open), element("td", {}, element("span", { class: "risk" })),
      element("td", { class: "n strong" }), element("td", { class: "spark" }),
      element("td", { class: "n wide" }), element("td", { class: "n wide" }), element("td", { class: "wide" }));
    this.#spark(row, number);
    return row;
  }

  #renew(row, item) {
    const [, risk, mean, , alerts, life, service] = row.children;
    risk.firstElementChild.className = `risk ${item.risk}`;
    write(risk.firstElementChild, item.risk);
    write(mean, score(item.risk_score));
    write(alerts, count(item.alerts));
    write(life, `${count(item.latest.predicted_remaining_life)} h`);
    write(service, item.needs_maintenance ? "due" : "–");
    service.classList.toggle("due", item.needs_maintenance);
  }

  #spark(row, number) {
    const values = this.histories.get(number)?.values;
    if (!values) return;
    const label = `from ${score(values[0], 2)} to ${score(values.at(-1), 2)} in the last 48 hours`;
    row.children[3].replaceChildren(sparkline(values, { level: MEDIUM_RISK_ABOVE, label }));
  }

  /** Ask for the histories of machines on the page that have had readings since. */
  async askHistories() {
    const asked = (item) => this.histories.get(item.machine_id)?.asked ?? 0;
    const due = this.items
      .filter((item) => this.histories.get(item.machine_id)?.readings !== item.readings)
      .sort((a, b) => asked(a) - asked(b))
      .slice(0, HISTORIES_A_ROUND);
    await Promise.all(due.map((item) => this.#ask(item)));
  }

  async #ask({ machine_id: number, readings }) {
    const held = this.histories.get(number) ?? {};
    const { status, etag, body } = await get(`/v1/machines/${number}`, held.etag);
    Object.assign(held, { readings, asked: Date.now() });
    this.histories.set(number, held);
    if (status !== 200) return;
    Object.assign(held, { etag, readings: body.readings, values: body.history.map((hour) => hour.average_maintenance_priority) });
    const row = this.rows.querySelector(`[data-key="${number}"]`);
    if (row) this.#spark(row, number);
  }
}

const path = (limit) => `/v1/machines?limit=${limit}`;
