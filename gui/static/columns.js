// Which columns a table shows and in which order: chosen by whoever looks, remembered by the browser.
import {h} from "./dom.js";

/** chooser({columns: all of them, state: {order, hidden}, changed(), reset()}): a menu. */
export function chooser({columns, state, changed, reset}) {
  const list = h("ul");
  const menu = h("details.columns", {}, h("summary.button", {}, "Columns"), h("div.menu", {}, list,
    h("button.small", {type: "button", onclick: () => { reset(); draw(); }}, "As it was")));
  function draw(focused = "") {
    const all = ordered(columns, state.order);
    list.replaceChildren(...all.map((column, at) => h("li", {}, h("label", {}, h("input", {type: "checkbox", checked: !state.hidden.has(column.key), onchange: (event) => show(column.key, event.target.checked)}), column.name || column.title),
      h("button.small.plain", {type: "button", "aria-label": `${column.name || column.title}: further left`, disabled: at === 0, onclick: () => move(all, at, -1)}, "↑"),
      h("button.small.plain", {type: "button", "aria-label": `${column.name || column.title}: further right`, disabled: at === all.length - 1, onclick: () => move(all, at, 1)}, "↓"))));
    if (focused) [...list.querySelectorAll("button")].find((button) => button.getAttribute("aria-label") === focused)?.focus();
  }
  function show(key, yes) {
    if (yes) state.hidden.delete(key);
    else if (columns.length - state.hidden.size > 1) state.hidden.add(key);
    changed();
    draw();
  }
  function move(all, at, by) {
    const keys = all.map((column) => column.key), label = document.activeElement?.getAttribute("aria-label");
    [keys[at], keys[at + by]] = [keys[at + by], keys[at]];
    state.order = keys;
    changed();
    draw(label);
  }
  menu.addEventListener("toggle", () => menu.open && draw());
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape") { menu.open = false; menu.firstChild.focus(); } });
  document.addEventListener("pointerdown", (event) => { if (menu.open && !menu.contains(event.target)) menu.open = false; });
  return menu;
}

/** Columns in the order that was chosen; those it does not name stay where they were declared. */
export function ordered(columns, order) {
  if (!order?.length) return columns;
  const found = order.map((key) => columns.find((column) => column.key === key)).filter(Boolean);
  columns.forEach((column, at) => { if (!found.includes(column)) found.splice(Math.min(at, found.length), 0, column); });
  return found;
}
