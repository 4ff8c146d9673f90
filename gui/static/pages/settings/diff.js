// Differences: lines of two texts, and keys with their old and new values. Signs beside the colours.
import {clock, whole} from "../../moments.js";

export function lines({h}, text) {
  if (!text) return h("p.empty", {}, "The two texts are the same.");
  const tone = (line) => (line.startsWith("+++") || line.startsWith("---") ? "head" : line.startsWith("@@") ? "at" : line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "same");
  return h("pre.diff", {tabindex: "0", role: "region", "aria-label": "Difference of the texts"}, text.replace(/\n$/, "").split("\n").map((line) => h(`span.${tone(line)}`, {}, `${line}\n`)));
}

/** `isForecast`: with what the engine says each would do. */
export function changesTable({h}, changes, isForecast = true) {
  if (!changes.length) return h("p.empty", {}, isForecast ? "No key would change." : "No key differs.");
  return h("div.scroll", {tabindex: "0", role: "region", "aria-label": "Keys that change"}, h("table.changes", {}, h("caption.visually-hidden", {}, "Keys that change"),
    h("thead", {}, h("tr", {}, ["Key", "From", "To", isForecast ? "What it does" : "Takes effect"].map((title) => h("th", {scope: "col"}, title)))),
    h("tbody", {}, changes.map((one) => h("tr", {}, h("th", {scope: "row"}, h("code", {}, one.path)), h("td.minus", {}, one.old || "–"), h("td.plus", {}, one.new || "–"),
      h("td.effects", {}, one.restart ? h("span.mark", {}, "needs a restart") : null, (one.effects || []).map((line) => h("p", {}, line)), one.restart || (one.effects || []).length ? null : h("span.dim", {}, isForecast ? "no effect on what is open is foreseen" : "at once")))))));
}

export function notesList({h}, notes) { return notes.length ? h("ul.notes", {}, notes.map((note) => h("li", {dataset: {tone: "warn"}}, note))) : null; }

export const when = (ms) => (ms ? clock(Number(ms)) : "–");
export const makeTime = (cell, _row, _id, td) => {
  const ms = Array.isArray(cell) ? cell[0] : cell, text = when(ms);
  if (td.textContent !== text) td.textContent = text;
  td.title = ms ? whole(Number(ms)) : "";
};
export const makeLines = (most) => (cell, _row, _id, td) => {
  const all = cell ? String(cell).split("\n") : [];
  td.textContent = all.length > most ? `${all.slice(0, most).join(", ")} and ${all.length - most} more` : all.join(", ") || "–";
  td.title = all.join("\n");
};
