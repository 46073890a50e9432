// Wires the page: what is asked how often, which panel shows it, and what is said when it fails.

import { AlertsPanel } from "./alerts_panel.js";
import { Away, Question } from "./ask.js";
import { showCustomers, showMigration, showMix } from "./customers_panel.js";
import { showDrivers } from "./drivers_panel.js";
import { byId, element } from "./elements.js";
import { clock } from "./figures.js";
import { Freshness, showLake, showProof } from "./lake_panel.js";
import { MachinesPanel } from "./machines_panel.js";
import { ScoresPanel } from "./scores_panel.js";
import { TrendPanel } from "./trend_panel.js";

const ROUND_MS = 1000;
const MAX_PAUSE_MS = 5000; // between tries while the API is away

const freshness = new Freshness();
const alerts = new AlertsPanel();
const machines = new MachinesPanel();
const scores = new ScoresPanel();
const trend = new TrendPanel();
const questions = [
  new Question("/v1/insights/manufacturing", 1, (answer) => scores.machines(answer)),
  new Question("/v1/insights/ecommerce", 1, (answer) => { scores.customers(answer); showCustomers(answer); }),
  new Question("/v1/insights/integrated", 1, (answer) => { scores.integrated(answer); missing = []; }, waiting),
  new Question("/v1/insights/completeness", 1, (answer) => freshness.show(answer)),
  new Question("/v1/lake/integrity", 1, showProof),
  new Question("/v1/lake", 2, showLake),
  new Question("/v1/insights/risk-drivers", 2, showDrivers),
  new Question("/v1/insights/mix", 3, showMix),
  new Question("/v1/insights/segment-migration", 3, showMigration),
  trend.question, machines.question, alerts.feed.question,
];
let missing = [];
let awaySince = null;
let lastAnswer = null;
let failures = 0;
let timer = null;
let running = false;

function waiting(problem) {
  missing = problem.missing ?? [problem.detail];
}

/** Ask what is due; several at once, for the browser sends them over the connections it has. */
async function round() {
  running = true;
  const now = Date.now();
  const due = questions.filter((question) => question.due <= now);
  const results = await Promise.allSettled(due.map((question) => question.ask(now)));
  running = false;
  const broken = results.find(({ reason }) => reason && !(reason instanceof Away));
  if (broken) console.error(broken.reason);
  const answered = results.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
  if (answered.length || !results.length) here(answered);
  else away(now, due);
  if (!awaySince) await machines.askHistories().catch(() => {});
  tell();
  if (!document.hidden) timer = setTimeout(round, awaySince ? Math.min(ROUND_MS * failures, MAX_PAUSE_MS) : ROUND_MS - ((Date.now() - now) % ROUND_MS));
}

function here(answered) {
  if (awaySince) {
    alerts.feed.open();
    for (const question of questions) question.due = 0;
  }
  awaySince = null;
  failures = 0;
  lastAnswer = Date.now();
  const dates = answered.map(({ date }) => date).filter(Number.isFinite);
  if (dates.length) freshness.serverIs(Math.max(...dates));
}

function away(now, due) {
  awaySince ??= now;
  failures += 1;
  for (const question of due) question.due = 0;
}

/** Say above the figures what is wrong, or nothing. */
function tell() {
  const trouble = byId("trouble");
  document.body.classList.toggle("stale", awaySince !== null);
  freshness.away(awaySince !== null);
  const said = awaySince
    ? `away ${awaySince}`
    : missing.join("\n");
  trouble.hidden = !said;
  if (trouble.dataset.said === said) return;
  trouble.dataset.said = said;
  trouble.className = awaySince ? "trouble away" : "trouble";
  trouble.replaceChildren(...(awaySince ? awayWords() : waitingWords()));
}

const awayWords = () => [
  element("strong", {}, `The API is away since ${clock(awaySince)}, trying again`),
  element("span", {}, lastAnswer ? `What stands below is from ${clock(lastAnswer)}.` : "There is nothing to show yet."),
];

const waitingWords = () => [
  element("strong", {}, "The first figures are on their way"),
  element("ul", {}, missing.map((why) => element("li", {}, why))),
];

function pause() {
  clearTimeout(timer);
  alerts.feed.close();
}

function resume() {
  clearTimeout(timer);
  alerts.feed.open();
  if (!running) round();
}

document.addEventListener("visibilitychange", () => (document.hidden ? pause() : resume()));
setInterval(() => { freshness.tick(); alerts.tick(); }, ROUND_MS);
resume();
