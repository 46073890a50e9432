// Small lines beside a number, as inline SVG.

import { drawn } from "./elements.js";

const WIDTH = 120;
const HEIGHT = 28;
const EDGE = 3;

/** Draw values, oldest first; `level` is a dashed line to compare with; `label` says it in words. */
export function sparkline(values, { level = null, label, filled = false, least = 0 }) {
  const known = values.filter((value) => value !== null);
  const picture = drawn("svg", {
    class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label,
  });
  if (known.length === 0) return picture;
  const all = level === null ? known : [...known, level];
  let low = Math.min(...all), high = Math.max(...all);
  const middle = (low + high) / 2;
  const reach = Math.max(high - low, least, 1e-9);
  low = middle - reach / 2;
  high = middle + reach / 2;
  const x = (place) => (values.length === 1 ? WIDTH : (place / (values.length - 1)) * WIDTH);
  const y = (value) => HEIGHT - EDGE - ((value - low) / (high - low)) * (HEIGHT - 2 * EDGE);
  const points = values.flatMap((value, place) => (value === null ? [] : [[x(place), y(value)]]));
  if (points.length === 1) points.unshift([0, points[0][1]]);
  const line = points.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
  if (filled) picture.append(drawn("path", { class: "area", d: `${line}L${WIDTH} ${HEIGHT}L${points[0][0]} ${HEIGHT}Z` }));
  if (level !== null) picture.append(drawn("line", { x1: 0, x2: WIDTH, y1: y(level), y2: y(level) }));
  picture.append(drawn("path", { class: "line", d: line }));
  return picture;
}
