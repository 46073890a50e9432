// One machine in a window of its own: its score by the hour, its latest reading, its alerts.

import { get } from "./ask.js";
import { plot } from "./charts.js";
import { byId, element } from "./elements.js";
import { count, moment, score, words } from "./figures.js";

export class MachineStory {
  constructor() {
    this.dialog = byId("machine");
    this.dialog.addEventListener("click", (event) => { if (event.target === this.dialog) this.dialog.close(); });
  }

  async open(number) {
    this.number = number;
    this.plotted = element("div", { class: "plot", role: "img", "aria-label": `Score of machine ${number} by the hour` });
    this.figures = element("div", { class: "loading" }, "Asking…");
    this.dialog.replaceChildren(
      element("header", {}, element("h2", { id: "h-machine" }, `Machine ${number}`),
        element("button", { type: "button", class: "quiet", onclick: () => this.dialog.close() }, "Close")),
      this.plotted, this.figures);
    this.dialog.showModal();
    await this.#ask();
  }

  /** Keep the open window as new as the list is. */
  renew(items) {
    const item = items.find(({ machine_id: number }) => number === this.number);
    if (this.dialog.open && item && item.readings !== this.readings) this.#ask();
  }

  async #ask() {
    let answer;
    try {
      answer = await get(`/v1/machines/${this.number}`);
    } catch {
      this.figures.textContent = "The API is away; close this and try again.";
      return;
    }
    if (answer.status === 200) this.#show(answer.body);
    else this.figures.textContent = answer.body.detail;
  }

  #show(machine) {
    this.readings = machine.readings;
    const { latest, history } = machine;
    const facts = [
      ["Risk", element("span", { class: `risk ${machine.risk}` }, machine.risk)],
      ["Mean score, 24 h", score(machine.risk_score)], ["Readings", count(machine.readings)],
      ["Alerts", count(machine.alerts)], ["Temperature", `${latest.temperature} °C`],
      ["Vibration", latest.vibration], ["Pressure", `${latest.pressure} bar`], ["Energy", `${latest.energy_consumption} kWh`],
      ["Life left", `${count(latest.predicted_remaining_life)} h`], ["Failure type", latest.failure_type],
    ];
    const alerts = machine.latest_alerts.slice(0, 5).map((alert) =>
      element("li", {}, element("time", { datetime: alert.timestamp }, moment(alert.timestamp)), ` score ${score(alert.score, 2)}: ${words(alert.recommended_action)}`));
    this.figures.className = "";
    this.figures.replaceChildren(
      element("p", { class: "note" }, `Latest reading ${moment(latest.timestamp)} UTC`),
      element("dl", { class: "facts two" }, facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)))),
      element("h3", {}, "Latest alerts"), alerts.length ? element("ul", { class: "plain" }, alerts) : element("p", { class: "note" }, "None."));
    const hours = history.map(({ hour }) => hour);
    plot(this.plotted, [{ name: "score", x: hours, y: history.map((hour) => hour.average_maintenance_priority), format: ".2f" }], { titles: ["Mean maintenance score by hour of event time (UTC)"] });
  }
}
