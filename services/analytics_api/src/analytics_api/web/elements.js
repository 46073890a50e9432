// Elements of the page, made and renewed without a framework.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** Make an element; of `attributes` an `on…` is a listener. Text is always text, never markup. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same in SVG. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** Set text where it differs, so that a screen reader is not told what it knows. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Renew the children of a list by key: one that stays keeps its place in the page, and its focus. */
export function renew(parent, items, keyOf, make, update) {
  const held = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let before = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = held.get(key);
    held.delete(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    update?.(child, item);
    if (child === before) before = before.nextElementSibling;
    else parent.insertBefore(child, before);
  }
  for (const gone of held.values()) gone.remove();
}

/** Say in a panel that there is nothing yet, and why. */
export function empty(node, title, why = "") {
  node.replaceChildren(
    element("div", { class: "empty" }, element("strong", {}, title), why && element("span", {}, why)),
  );
}
