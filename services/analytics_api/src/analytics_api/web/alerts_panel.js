// Alerts in the order in which they arrive here; the latest are marked and, now and then, said.

import { AlertFeed, keyOf } from "./alert_feed.js";
import { byId, element, empty, write } from "./elements.js";
import { moment, score, words } from "./figures.js";

const SHOWN = 60;
const SAID_EVERY_MS = 5000; // a screen reader is told of the latest, not of each

const STATES = {
  live: ["good", "Alerts live"],
  asking: ["warn", "Alerts every 2 s"],
  connecting: ["", "Alerts: connecting…"],
};

export class AlertsPanel {
  constructor() {
    this.list = byId("alerts-list");
    this.unsaid = 0;
    this.said = Date.now();
    this.here = 0;
    this.feed = new AlertFeed((alerts, first) => this.#arrived(alerts, first), (state) => this.#state(state));
    this.list.replaceChildren(...Array.from({ length: 6 }, () => element("li", { class: "skeleton" })));
  }

  #arrived(alerts, first) {
    if (this.list.querySelector(".skeleton, .empty")) this.list.replaceChildren();
    if (first && alerts.length === 0) {
      empty(this.list, "No alert so far", "A reading at or above the threshold appears here within a second.");
      return;
    }
    const items = alerts.slice(0, SHOWN).map((alert) => line(alert, !first));
    this.list.prepend(...items);
    while (this.list.children.length > SHOWN) this.list.lastElementChild.remove();
    if (first) return;
    this.here += alerts.length;
    this.unsaid += alerts.length;
    this.latest = alerts[0];
    write(byId("alerts-count"), `${this.here} new`);
  }

  /** Once a second: tell a screen reader what has come, in a sentence. */
  tick() {
    if (!this.unsaid || Date.now() - this.said < SAID_EVERY_MS) return;
    const { machine_id, score: value } = this.latest;
    write(byId("announcer"), `${this.unsaid} new ${this.unsaid === 1 ? "alert" : "alerts"}; the latest: machine ${machine_id}, score ${score(value, 2)}`);
    this.unsaid = 0;
    this.said = Date.now();
  }

  #state(state) {
    const [look, text] = STATES[state];
    const badge = byId("badge-alerts");
    badge.className = `badge ${look}`;
    write(badge.lastElementChild, text);
  }
}

function line(alert, fresh) {
  return element("li", { class: fresh ? "alert new" : "alert", "data-key": keyOf(alert) },
    element("span", { class: "mark", "aria-hidden": "true" }, score(alert.score, 2)),
    element("div", {},
      element("p", {}, element("strong", {}, `Machine ${alert.machine_id}`), element("time", { datetime: alert.timestamp }, moment(alert.timestamp))),
      element("p", { class: "do" }, element("span", { class: "unseen" }, `score ${score(alert.score, 2)}: `), words(alert.recommended_action)),
    ),
  );
}
