// Which machines raise the fleet's risk, and which term of the score explains it.

import { byId, element, empty, renew, write } from "./elements.js";
import { percent, score, signed, words } from "./figures.js";

const SHOWN = 8;

export function showDrivers({ machines, fleet, threshold }) {
  const above = machines.filter(({ share_of_excess: share }) => share > 0).slice(0, SHOWN);
  const node = byId("drivers-content");
  write(byId("drivers-note"), `Fleet: mean score ${score(fleet.mean_score)}, ${signed(fleet.mean_excess ?? 0, 3)} to the threshold of ${threshold}. Shares are of what all machines above it exceed it by.`);
  if (!above.length) {
    empty(node, "No machine is above the threshold", `Mean score of the fleet: ${score(fleet.mean_score)}.`);
    return;
  }
  bars(node, above.map((machine) => ({
    key: machine.machine_id, name: `Machine ${machine.machine_id}`,
    under: machine.main_driver ? `by ${words(machine.main_driver).toLowerCase()}` : "",
    share: machine.share_of_excess, text: percent(machine.share_of_excess), look: machine.risk,
  })));
}

/** Draw a list of bars of `{key, name, under, share, text, look}`; the longest fills the width. */
export function bars(node, items) {
  const longest = Math.max(...items.map(({ share }) => share), 1e-9);
  if (node.firstElementChild?.tagName !== "UL") node.replaceChildren(element("ul", { class: "bars" }));
  const make = () => element("li", {}, element("span", { class: "name" }), element("span", { class: "track", "aria-hidden": "true" }, element("i")), element("span", { class: "n" }));
  renew(node.firstElementChild, items, ({ key }) => key, make, (row, item) => {
    const [name, track, text] = row.children;
    const said = item.under ? `${item.name} ${item.under}` : item.name;
    if (name.textContent !== said) name.replaceChildren(item.name, ...(item.under ? [element("small", {}, ` ${item.under}`)] : []));
    track.firstElementChild.className = item.look ?? "";
    track.firstElementChild.style.setProperty("width", `${(100 * item.share) / longest}%`);
    write(text, item.text);
  });
}
