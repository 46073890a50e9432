// The lake itself: is everything there, how large is it and what does it cost, how fresh is it.

import { byId, element, write } from "./elements.js";
import { bill, bytes, clock, count, percent, score, span } from "./figures.js";

const STALE_SECONDS = 30; // with a trickle; where nothing arrives, nothing can be fresher
const ZONES = { raw: "Raw files", processed: "Processed", analytics: "Curated", quarantine: "Quarantine" };
const DOMAINS = { manufacturing: "Machines", ecommerce: "Customers" };

/** The delivery proof: green only where the API says `verified`; the reasons if it does not. */
export function showProof({ verified, problems, curated, shards }) {
  const reasons = [...problems, ...shards.flatMap((shard) => shard.problems.map((why) => `${shard.domain} ${shard.shard}: ${why}`))];
  if (!verified && !shards.length) reasons.push("of an empty lake nothing is proven");
  const look = verified ? "good" : shards.length ? "bad" : "";
  const text = verified ? "Delivery proven" : shards.length ? "Delivery not proven" : "Nothing to prove yet";
  badge("badge-proof", look, text);
  const rows = shards.reduce((sum, shard) => sum + shard.rows, 0);
  const verdict = element("p", { class: `verdict ${look}` }, element("strong", {}, text),
    element("span", {}, verified ? `${count(rows)} rows in ${count(shards.length)} shards: each there, each once.` : ""));
  byId("proof-content").replaceChildren(verdict,
    ...(reasons.length ? [element("ul", { class: "reasons" }, reasons.map((why) => element("li", {}, why)))] : []),
    ...(shards.length ? [shardTable(shards), proofFacts(curated, shards)] : []));
}

function proofFacts(curated, shards) {
  const sum = (field) => shards.reduce((all, shard) => all + field(shard), 0);
  const rows = sum((shard) => shard.rows), proven = sum((shard) => shard.proven_by_etl.rows);
  return factList([
    ["Kinesis records", count(sum((shard) => shard.records))],
    ["Entries in quarantine", count(sum((shard) => shard.quarantined_entries))],
    ["Read again by the batch run", proven ? `${count(proven)} rows, ${percent(proven / rows)}` : "none yet"],
    ...Object.entries(curated).filter(([, from]) => from).map(([domain, from]) => [`Curated, ${DOMAINS[domain].toLowerCase()}`, `${count(from.events)} events`]),
  ]);
}

/** Terms and what they come to. */
const factList = (facts) => element("dl", { class: "facts" }, facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));

const shardTable = (shards) => element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Shards" }, element("table", {},
  element("thead", {}, element("tr", {}, ["Shard", "Rows", "Gaps", "Twice", "Proof"].map((name, i) => element("th", { scope: "col", class: i ? "n" : null }, name)))),
  element("tbody", {}, shards.map((shard) => element("tr", {},
    element("th", { scope: "row" }, `${DOMAINS[shard.domain]} ${Number(shard.shard.split("-").at(-1))}`),
    element("td", { class: "n" }, count(shard.rows)),
    element("td", { class: "n" }, count(shard.gaps.length)),
    element("td", { class: "n" }, count(shard.producer_duplicates)),
    element("td", { class: `n ${shard.verified ? "good" : "bad"}` }, shard.verified ? "holds" : "broken"))))));

export function showLake({ zones, storage_usd_per_month: cost }) {
  const sum = (field) => Object.values(zones.processed).reduce((all, one) => all + one[field], 0);
  const held = Object.fromEntries(Object.keys(ZONES).map((zone) => [zone, Object.values(zones[zone]).reduce((all, one) => all + one.bytes, 0)]));
  const all = Object.values(held).reduce((one, other) => one + other, 0);
  const stored = sum("bytes"), rows = sum("rows");
  const facts = [
    ["Bytes a row", rows ? score(stored / rows, 1) : "–"], ["Rows", count(rows)],
    ["JSON that arrived", bytes(sum("payload_bytes"))], ["Kept as Parquet", bytes(stored)],
    ["On the streams", bytes(sum("stream_bytes"))], ["Objects", count(sum("objects"))],
  ];
  const bar = element("div", { class: "shares", "aria-hidden": "true" }, Object.keys(ZONES).map((zone) => element("i", { class: zone })));
  Object.keys(ZONES).forEach((zone, i) => bar.children[i].style.setProperty("flex-grow", held[zone]));
  byId("lake-content").replaceChildren(
    element("div", { class: "heroes" },
      hero("lake-size", bytes(all), "in the bucket"),
      hero("lake-compression", stored ? `${score(sum("payload_bytes") / stored, 1)}×` : "–", "compression"),
      hero("lake-cost", bill(cost), "a month on S3")),
    bar, element("ul", { class: "legend" }, Object.entries(ZONES).map(([zone, name]) => element("li", {}, element("i", { class: zone }), `${name} ${bytes(held[zone])}`))),
    factList(facts));
}

const hero = (id, value, under) => element("div", { id }, element("b", {}, value), element("span", {}, under));

function badge(id, look, text) {
  byId(id).className = `badge ${look}`;
  write(byId(id).lastElementChild, text);
}

/** How old what is shown is, by the server's clock, also while nothing new comes. */
export class Freshness {
  #ahead = 0; // of the server's clock, ms
  #answer = null;
  #away = false;

  serverIs(date) {
    // The header has whole seconds: it is never ahead by more than it says, and on average by half.
    if (Math.abs(date + 500 - Date.now() - this.#ahead) > 2000) this.#ahead = date + 500 - Date.now();
  }

  away(is) {
    this.#away = is;
    this.tick();
  }

  show({ domains, freshness }) {
    this.#answer = freshness;
    const rows = Object.entries(freshness.by_domain).map(([name, fresh]) => element("section", { "aria-label": DOMAINS[name] },
      element("h3", {}, DOMAINS[name], element("b", { "data-through": fresh.data_through ?? "" }, "–")),
      factList([
        ["Complete up to", fresh.data_through ? clock(Date.parse(fresh.data_through)) : "–"],
        ["Answered from", fresh.sources.join(", ") || "–"],
        ["Events, each once", count(domains[name].events)],
        ["Sent twice, counted once", count(domains[name].duplicates)],
        ["In quarantine", count(domains[name].quarantined_entries)],
        ["Objects waiting", count(domains[name].objects_waiting)],
      ])));
    byId("freshness-content").replaceChildren(...rows);
    this.tick();
  }

  /** Once a second: write the ages. */
  tick() {
    for (const node of byId("freshness-content").querySelectorAll("[data-through]")) write(node, this.#age(node.dataset.through) ?? "–");
    if (this.#away) badge("badge-freshness", "bad", "API away");
    else if (this.#answer) {
      const through = this.#answer.data_through;
      const seconds = (Date.now() + this.#ahead - Date.parse(through)) / 1000;
      badge("badge-freshness", through === null ? "" : seconds < STALE_SECONDS ? "good" : "warn", through === null ? "No data yet" : `Data of ${this.#age(through)}`);
    }
  }

  #age(through) {
    return through ? `${span((Date.now() + this.#ahead - Date.parse(through)) / 1000)} ago` : null;
  }
}
