// Customers: their segments, how they move between them, and what is bought.

import { bars } from "./bars.js";
import { byId, element, empty, write } from "./elements.js";
import { count, percent, usd } from "./figures.js";

const SEGMENTS = [["HIGH_VALUE", "High value", "good"], ["MEDIUM_VALUE", "Medium value", "middle"], ["STANDARD", "Standard", "rest"]];
const CATEGORIES = 7;

export function showCustomers(answer) {
  const all = answer.total_customers_analyzed;
  const numbers = [answer.high_value_customers, answer.medium_value_customers, answer.standard_customers];
  bars(byId("segments-content"), SEGMENTS.map(([key, name, look], i) => ({
    key, name, look, under: percent(all ? numbers[i] / all : null), share: numbers[i] / (all || 1), text: count(numbers[i]),
  })));
}

/** A table: the segment of the first purchase down, that of the latest across. */
export function showMigration({ matrix, moved_up: up, moved_down: down, stayed, customers, customers_with_one_purchase: once }) {
  const most = Math.max(1, ...SEGMENTS.flatMap(([from]) => SEGMENTS.map(([to]) => matrix[from][to])));
  const cell = (from, to) => {
    const made = element("td", { class: from === to ? "stay" : null }, count(matrix[from][to]));
    made.style.setProperty("--heat", `${Math.round(45 * Math.sqrt(matrix[from][to] / most))}%`);
    return made;
  };
  byId("migration-content").replaceChildren(element("table", { class: "matrix" },
    element("caption", { class: "unseen" }, "Customers by segment of their first purchase (rows) and of their latest (columns)"),
    element("thead", {}, element("tr", {}, element("td", {}), SEGMENTS.map(([, name]) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, SEGMENTS.map(([from, name]) => element("tr", {}, element("th", { scope: "row" }, name), SEGMENTS.map(([to]) => cell(from, to)))))));
  write(byId("migration-note"), `${count(up)} moved up, ${count(down)} down, ${count(stayed)} stayed; ${count(once)} of ${count(customers)} have bought once only.`);
}

export function showMix({ categories, channels }) {
  if (!categories.length) {
    empty(byId("categories-content"), "No purchase so far");
    return;
  }
  bars(byId("categories-content"), categories.slice(0, CATEGORIES).map(part("category")));
  bars(byId("channels-content"), channels.map(part("channel")));
}

const part = (of) => (one) => ({
  key: one[of], name: one[of], under: percent(one.share_of_revenue), share: one.share_of_revenue ?? 0,
  text: usd(one.revenue), look: "customers",
});
