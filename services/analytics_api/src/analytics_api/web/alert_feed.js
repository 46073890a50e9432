// Alerts as they arrive: pushed by the server, and asked for where pushing does not get through.

import { Question } from "./ask.js";

const STREAM = "/v1/alerts/stream";
const LIST = "/v1/alerts?limit=60";
const ASK_SECONDS = 2; // while nothing is pushed
const CHECK_SECONDS = 10; // while it is: what the stream has not brought by then, it holds back
const PATIENCE_MS = 2000; // a list may be quicker than the stream
const CONNECT_AGAIN_MS = 15_000;

export const keyOf = (alert) =>
  alert.event_source === null
    ? `${alert.timestamp} ${alert.machine_id} ${alert.score}`
    : `${alert.event_source} ${alert.event_row}`;

/** Calls `arrived(alerts, first)` with alerts not seen before, the newest first, and `state` with
 *  "live", "asking" or "connecting". */
export class AlertFeed {
  constructor(arrived, state) {
    Object.assign(this, { arrived, state, seen: new Set(), pushed: [], source: null, trust: true, begun: false, catchingUp: true, awaited: new Set() });
    this.question = new Question(LIST, ASK_SECONDS, (page) => this.#listed(page.items));
  }

  /** Connect, or connect again after a pause of the page. */
  open() {
    this.close();
    this.question.due = 0; // what has come while nobody listened
    this.catchingUp = true;
    this.source = new EventSource(STREAM);
    this.source.addEventListener("open", () => this.#pace(this.trust));
    this.source.addEventListener("alert", (event) => this.#push(JSON.parse(event.data)));
    this.source.addEventListener("error", () => {
      this.#pace(false);
      // The browser connects again by itself unless the server has refused, as a proxy might.
      if (this.source?.readyState === EventSource.CLOSED) this.timer = setTimeout(() => this.open(), CONNECT_AGAIN_MS);
    });
  }

  close() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  #pace(live) {
    this.question.seconds = live ? CHECK_SECONDS : ASK_SECONDS;
    if (!live) this.question.due = 0;
    this.state(live ? "live" : "asking");
  }

  #push(alert) {
    this.trust = true;
    this.awaited.delete(keyOf(alert));
    this.#pace(true);
    this.pushed.push(alert);
    // A replay brings thousands: they are drawn together.
    if (this.pushed.length === 1) setTimeout(() => this.#tell(this.pushed.splice(0).reverse()), 100);
  }

  #listed(items) {
    if (this.pushed.length) this.#tell(this.pushed.splice(0).reverse());
    const missed = this.#tell(items).map(keyOf);
    const { catchingUp } = this;
    this.catchingUp = false;
    if (catchingUp || !missed.length || this.source?.readyState !== EventSource.OPEN) return;
    for (const key of missed) this.awaited.add(key);
    setTimeout(() => this.#judge(missed), PATIENCE_MS);
  }

  /** Open, and yet the stream did not bring them: something on the way keeps it back. Ask instead. */
  #judge(missed) {
    const held = missed.filter((key) => this.awaited.delete(key));
    if (!held.length || this.source?.readyState !== EventSource.OPEN) return;
    this.trust = false;
    this.#pace(false);
  }

  #tell(alerts) {
    const first = !this.begun;
    this.begun = true;
    const fresh = alerts.filter((alert) => !this.seen.has(keyOf(alert)));
    for (const alert of fresh) this.seen.add(keyOf(alert));
    if (fresh.length || first) this.arrived(fresh, first);
    return fresh;
  }
}
