// What the parts of the page Risk have in common.
import {h, put, textOf} from "../../dom.js";

/** Rows of terms and what they say; `fill(row)` sets those that changed. */
export function facts(terms) {
  const cells = terms.map(([key, title, hint, draw]) => ({key, draw, dd: h("dd"), dt: h("dt", {title: hint}, title)}));
  const element = h("dl.kv", {}, cells.flatMap(({dt, dd}) => [dt, dd]));
  const fill = (row) => cells.forEach(({key, draw, dd, dt}) => {
    if (draw) draw(dd, row[key], row); else put(dd, row[key]);
    dt.hidden = dd.hidden = !draw && textOf(row[key]) === "";
  });
  return {element, fill};
}

/** A button that stays as it is while its row is told anew. `why`: what keeps it from being pressed. */
export function button(label, {why = "", title = "", danger = false, small = true, press}) {
  const name = ["button", small && "small", danger && "danger"].filter(Boolean).join(".");
  const made = h(name, {type: "button", title: why || title, onclick: async () => { await press(made); made.disabled = !!made.dataset.why; }}, label);
  made.disabled = !!why; made.dataset.why = why;
  return made;
}

/** Sets why a button cannot be pressed now; nothing: it can. */
export function allow(made, why, title = "") {
  made.dataset.why = why || "";
  if (made.getAttribute("aria-busy") !== "true") made.disabled = !!why;
  if (made.title !== (why || title)) made.title = why || title;
}

/** Asks for a reason in words, and whether. null: no. */
export async function askWhy(ask, {title, body, yes, label}) {
  const field = h("input", {type: "text", maxlength: "500", autocomplete: "off"});
  const is = await ask({title, yes, body: h("div", {}, h("p", {}, body), h("label.field", {}, h("span", {}, label), field))});
  return is ? field.value.trim() : null;
}

export const LESS = "needs the role operator";

/**
 * A small table without search: columns [key, title, "num" | "wrap" | "head" | ""]. `fill([[id, row], ...])` touches
 * only what changed.
 */
export function grid(caption, columns) {
  const body = h("tbody"), shown = new Map();
  const element = h("div.scroll", {role: "region", "aria-label": caption, tabindex: "0"}, h("table.full", {}, h("caption.visually-hidden", {}, caption),
    h("thead", {}, h("tr", {}, columns.map(([, title, kind]) => h(kind === "num" ? "th.num" : "th", {scope: "col"}, title)))), body));
  const make = () => { const tds = columns.map(([, , kind]) => kind === "head" ? h("th", {scope: "row"}) : h(kind ? `td.${kind}` : "td")); return {tds, tr: h("tr", {}, tds)}; };
  const fill = (rows) => {
    const ids = new Set(rows.map(([id]) => id));
    for (const [id, {tr}] of shown) if (!ids.has(id)) { tr.remove(); shown.delete(id); }
    rows.forEach(([id, cells], at) => {
      if (!shown.has(id)) shown.set(id, make());
      const {tr, tds} = shown.get(id);
      columns.forEach(([key], place) => put(tds[place], cells[key]));
      if (body.children[at] !== tr) body.insertBefore(tr, body.children[at] || null);
    });
  };
  return {element, fill};
}
