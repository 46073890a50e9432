// Lists of bars, each with its name and its number.

import { element, renew, write } from "./elements.js";

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
