// The two plots, by plotly, which comes from this server as everything does.

const COLOURS = ["--machines", "--customers", "--soft"];
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

/** Draw `lines` of `{name, x, y, row, format}`; each `row` has an axis of its own and a title. */
export async function plot(node, lines, { titles, live = false, range = null }) {
  let library;
  try {
    library = await plotly();
  } catch {
    node.replaceChildren(Object.assign(document.createElement("div"), { className: "empty", textContent: "The plots could not be loaded; the numbers beside them are whole." }));
    return;
  }
  if (!node.classList.contains("js-plotly-plot")) node.replaceChildren();
  const traces = lines.map((line, i) => trace(line, i));
  await library.react(node, traces, layout(titles, live, range), { displayModeBar: false, responsive: true });
}

function trace({ name, x, y, row = 0, bars = false, format = ".3f" }, i) {
  const axis = row === 0 ? "y" : `y${row + 1}`;
  const tone = colour(COLOURS[i % COLOURS.length]);
  const look = bars
    ? { type: "bar", marker: { color: tone } }
    : { type: "scatter", mode: "lines", connectgaps: false, line: { color: tone, width: 2 } };
  return { name, x, y, yaxis: axis, hovertemplate: `%{y:${format}}<extra>${name}</extra>`, ...look };
}

function layout(titles, live, range) {
  const soft = colour("--soft"), line = colour("--line");
  const axis = { gridcolor: line, zeroline: false, linecolor: line, tickfont: { color: soft }, nticks: 5, automargin: true };
  const made = {
    paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    font: { family: "inherit", size: 12, color: colour("--ink") },
    margin: { l: 8, r: 8, t: 8, b: 8 }, hovermode: "x unified", dragmode: false, showlegend: live,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { color: soft } },
    hoverlabel: { bgcolor: colour("--card"), bordercolor: line, font: { color: colour("--ink") } },
    xaxis: { ...axis, showgrid: false, type: "date", range, anchor: titles.length > 1 ? `y${titles.length}` : "y", fixedrange: true, nticks: live ? 4 : 8, tickformat: live ? "%H:%M:%S" : null },
    annotations: [],
  };
  const share = 1 / titles.length;
  titles.forEach((title, row) => {
    const top = 1 - row * share, bottom = top - share + (row < titles.length - 1 ? 0.06 : 0);
    made[row === 0 ? "yaxis" : `yaxis${row + 1}`] = { ...axis, domain: [bottom, top - 0.08], fixedrange: true, rangemode: "normal" };
    if (title) made.annotations.push({ text: title, xref: "paper", yref: "paper", x: 0, y: top, xanchor: "left", yanchor: "top", showarrow: false, font: { color: soft, size: 12 } });
  });
  return made;
}

/** Call `draw` when the colours of the page change. */
export function onColours(draw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
