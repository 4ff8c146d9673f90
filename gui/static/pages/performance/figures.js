// Figures with what they mean, on hover and on focus.
import {h, put} from "../../dom.js";

const PROFIT = [["day", "Realised today"], ["week", "This week"], ["month", "This month"], ["total", "All time"], ["unrealized", "Unrealised now"], ["fees", "Fees, all time"]];
const RATIOS = [
  ["scope_realized", "Realised by closed groups", () => "Sum of the realised profit of the groups closed in this range, fees taken off."],
  ["trades", "Trades", () => "Closed groups that had a fill."],
  ["win_rate", "Win rate", () => "Share of the trades that made a profit."],
  ["average_win", "Average win", () => "Average profit of the trades that made one."],
  ["average_loss", "Average loss", () => "Average loss of the trades that lost."],
  ["reward_risk", "Reward / risk", () => "Average win divided by average loss."],
  ["profit_factor", "Profit factor", () => "Sum of all profits divided by the sum of all losses. Above 1 the wins outweigh the losses."],
  ["sharpe", "Sharpe", (now) => `Average return divided by how much returns scatter. ${now.ratio_basis}`],
  ["sortino", "Sortino", (now) => `As Sharpe, but only what scatters downwards counts. ${now.ratio_basis}`],
  ["max_drawdown", "Deepest drawdown", (now) => `Farthest that equity fell below its highest point before, in percent of that. ${now.percent_basis}`],
  ["drawdown", "Drawdown now", (now) => `How far equity is below its highest point now. ${now.percent_basis}`],
];

export function figures() {
  const dds = new Map(), tips = new Map();
  const figure = (key, label, define) => {
    const dd = h("dd");
    dds.set(key, dd);
    if (!define) return h("div.figure", {}, h("dt", {}, label), dd);
    const tip = h("span.tip", {role: "tooltip", id: `tip-${key}`});
    tips.set(key, [tip, define]);
    return h("div.figure", {}, h("dt", {}, h("button.define", {type: "button", "aria-describedby": tip.id}, label), tip), dd);
  };
  const basis = h("p.dim.note");
  const element = h("section.card", {dataset: {live: ""}}, h("h2", {}, "Profit"), h("dl.figures", {}, PROFIT.map(([key, label]) => figure(key, label))), basis, h("h2", {}, "Trades of this range"), h("dl.figures", {}, RATIOS.map(([key, label, define]) => figure(key, label, define))));
  function show(topic, now) {
    for (const [key, dd] of dds) put(dd, now[key]);
    for (const [tip, define] of tips.values()) { const text = define(now).trim(); if (tip.textContent !== text) tip.textContent = text; }
    put(basis, now.period_basis ? `${now.period_basis[0].toUpperCase()}${now.period_basis.slice(1)}.` : "");
  }
  return {element, show};
}
