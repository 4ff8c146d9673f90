// What the groups shown come to.
import {sortOf, textOf} from "../../dom.js";
import {percent, shown, total} from "./exact.js";

const MONEY = ["USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "USD", "EUR", "GBP", "TRY", "BRL"];

/** What the shown groups come to, for each quote currency alone: amounts of different ones are never added. */
export function totals({h, put}) {
  const element = h("div.totals", {role: "group", "aria-label": "Sums of the groups shown"}), lines = new Map();
  function show(rows, all) {
    const byQuote = new Map();
    for (const row of rows) { const quote = textOf(row.quote); if (!byQuote.has(quote)) byQuote.set(quote, []); byQuote.get(quote).push(row); }
    for (const quote of [...lines.keys()]) if (!byQuote.has(quote)) { lines.get(quote).line.remove(); lines.delete(quote); }
    for (const [quote, found] of byQuote) fill(quote, found, all);
  }
  function fill(quote, rows, all) {
    if (!lines.has(quote)) {
      const made = Object.fromEntries(["count", "pnl", "invested", "planned", "without"].map((key) => [key, h("b")]));
      made.without = h("span.dim");
      made.line = h("p", {}, made.count, " unrealised at mark ", made.pnl, " invested ", made.invested, " planned ", made.planned, " ", made.without);
      lines.set(quote, made);
      element.append(made.line);
    }
    const line = lines.get(quote), digits = MONEY.includes(quote) ? 2 : 8;
    const [pnl, invested, planned] = ["pnl", "invested", "planned"].map((key) => total(rows.map((row) => sortOf(row[key]))));
    const share = percent(pnl, invested), held = rows.filter((row) => sortOf(row.invested) !== "").length;
    put(line.count, `${rows.length === all ? rows.length : `${rows.length} of ${all}`} ${rows.length === 1 ? "group" : "groups"}`);
    const tone = pnl.units > 0n ? "gain" : pnl.units < 0n ? "loss" : "";
    put(line.pnl, pnl.count ? [`${shown(pnl, digits, true)} ${quote}${share ? ` (${shown(share, 2, true)} %)` : ""}`, tone] : ["–", "dim"]);
    put(line.invested, invested.count ? `${shown(invested, digits)} ${quote}` : ["–", "dim"]);
    put(line.planned, planned.count ? `${shown(planned, digits)} ${quote}` : ["–", "dim"]);
    put(line.without, held > pnl.count ? `without ${held - pnl.count} that ${held - pnl.count === 1 ? "has" : "have"} no fresh price` : "");
  }
  return {element, show};
}
