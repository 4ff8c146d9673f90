// Elements without HTML from text: what the daemon says is only ever set as text.

/** h("td.num", {title: "..."}, "text", child) */
export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** What stands after # in the address; nothing where a foreign link left something that is no text. */
export function mark() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
}

/** A cell is its text, or [text, tone, what it is sorted by]. */
export const textOf = (cell) => (Array.isArray(cell) ? cell[0] : cell ?? "");
export const toneOf = (cell) => (Array.isArray(cell) ? cell[1] || "" : "");
export const sortOf = (cell) => (Array.isArray(cell) && cell.length > 2 ? cell[2] : textOf(cell));

/** Sets text and tone of an element, touching the page only where something changed. True where the text did. */
export function put(element, cell) {
  const text = textOf(cell), tone = toneOf(cell);
  if ((element.dataset.tone || "") !== tone) element.dataset.tone = tone;
  const only = element.firstChild;
  if (only && only === element.lastChild && only.nodeType === Node.TEXT_NODE) {
    if (only.data === text) return false;
    only.data = text; // The node stays: a selection that reaches into it does too.
    return true;
  }
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}
