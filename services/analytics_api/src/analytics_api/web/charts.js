// The two plots, by plotly, which comes from this server as everything does.

import { empty } from "./elements.js";

const COLOURS = ["--machines", "--customers", "--soft"];
const TITLE_HEIGHT = 0.1; // as a share of the plot, and the gap between two rows
const ROW_GAP = 0.14;
const LEAST_REACH = 0.002; // above and below, of the value
let loading = null;

function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/assets/plotly.min.js";
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => { loading = null; reject(new Error("plotly did not load")); });
    document.head.append(script);
  });
  return loading;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Draw `lines` of `{name, x, y, row, format}`; each `row` has axes of its own and a title. `live`
 *  is of seconds, else of days. */
export async function plot(node, lines, { titles, live = false }) {
  let library;
  try {
    library = await plotly();
  } catch {
    empty(node, "The plots could not be loaded", "The numbers beside them are whole.");
    return;
  }
  if (!node.classList.contains("js-plotly-plot")) node.replaceChildren();
  await library.react(node, lines.map(trace), layout(lines, titles, live), { displayModeBar: false, responsive: true });
}

const axis = (letter, row) => (row === 0 ? letter : `${letter}${row + 1}`);

function trace({ name, x, y, row = 0, bars = false, format = ".3f" }) {
  const tone = colour(COLOURS[row % COLOURS.length]);
  const look = bars
    ? { type: "bar", marker: { color: tone } }
    : { type: "scatter", mode: "lines", line: { color: tone, width: 2 } };
  return { name, x, y, xaxis: axis("x", row), yaxis: axis("y", row), hovertemplate: `%{y:${format}}<extra>${name}</extra>`, ...look };
}

/** The range of values, and a little more: what hardly moves is drawn so, not between −1 and 1. */
function reach(lines) {
  const values = lines.flatMap(({ y }) => y).filter((value) => value !== null);
  if (!values.length) return null;
  const low = Math.min(...values), high = Math.max(...values);
  const around = Math.max((high - low) * 0.08, Math.abs(high) * LEAST_REACH, Number.EPSILON);
  return [low - around, high + around];
}

function layout(lines, titles, live) {
  const soft = colour("--soft"), line = colour("--line");
  const look = { gridcolor: line, zeroline: false, linecolor: line, tickfont: { color: soft }, nticks: 4, automargin: true, fixedrange: true };
  const made = {
    paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("--ink") },
    margin: { l: 8, r: 8, t: 4, b: 8 }, hovermode: "x unified", dragmode: false, showlegend: false, // each row has its title
    hoverlabel: { bgcolor: colour("--card"), bordercolor: line, font: { color: colour("--ink") } },
    annotations: [],
  };
  const share = 1 / titles.length;
  titles.forEach((title, row) => {
    const top = 1 - row * share, bottom = row < titles.length - 1 ? top - share + ROW_GAP : 0;
    const number = row === 0 ? "" : row + 1;
    made[`xaxis${number}`] = { ...look, showgrid: false, type: "date", anchor: axis("y", row), nticks: live ? 4 : 6, tickangle: 0, tickformat: live ? "%H:%M:%S" : null };
    made[`yaxis${number}`] = { ...look, anchor: axis("x", row), domain: [bottom, top - TITLE_HEIGHT] };
    const own = lines.filter((one) => (one.row ?? 0) === row);
    if (!own.some(({ bars }) => bars)) made[`yaxis${number}`].range = reach(own);
    made.annotations.push({ text: title, xref: "paper", yref: "paper", x: 0, y: top, xanchor: "left", yanchor: "top", showarrow: false, font: { color: soft, size: 12 } });
  });
  return made;
}

/** Call `draw` when the colours of the page change. */
export function onColours(draw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
