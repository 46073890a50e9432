// Which machines raise the fleet's risk, and which term of the score explains it.

import { bars } from "./bars.js";
import { byId, empty, write } from "./elements.js";
import { percent, score, signed, words } from "./figures.js";

const SHOWN = 9;

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
