// One group, opened: figures, buttons, ladder, picture, orders. Follows the engine until it is closed again.
import {put, sortOf, textOf} from "../../dom.js";
import {actions} from "./actions.js";
import {orders} from "./orders.js";
import {draw} from "./picture.js";
import {count as counts, moment} from "../../counting.js";
import {full} from "./when.js";
import {ladder} from "./ladder.js";

const FIGURES = [
  ["percent", "Unrealised % at mark", "", "In percent of invested."], ["pnl", "Unrealised at mark", "quote", "Mark times what is held less its cost, before the fees of a close."], ["mark", "Mark"], ["entry", "Average entry", "", "Of what is held now, fees excluded."],
  ["quantity", "Held", "base"], ["invested", "Invested", "quote", "Cost of what is held."], ["planned", "Planned", "quote", "Capital of all legs, unfilled ones included."], ["reserved", "Reserved", "quote", "Part of the planned capital kept for unfilled legs."],
  ["realized", "Realised", "quote", "Profit taken so far, fees taken off."], ["fees", "Fees paid", "quote"], ["target", "Target of all"], ["progress", "Way to it"], ["stop", "Stop"], ["liquidation", "Liquidation", "", "Where the exchange would liquidate the position this group is part of; a dash where it tells none."], ["liquidation_distance", "Away from it", "", "How far the mark may still move, in percent of it."], ["funding", "Funding", "quote", "Received less paid; part of realised."],
];
const DETAILS = [
  ["mode", "Take-profit mode"], ["stop_kind", "Stop"], ["world", "World"], ["market", "Market"], ["strategy", "Strategy"], ["source", "Source"], ["notes", "Out of the ordinary"], ["dust", "Dust"], ["ignored", "Pyramids ignored at the limit"], ["config_version", "Configuration version"],
];

export function drawer(context, id, {onClose}) {
  const {h} = context;
  const title = h("h2", {tabindex: "-1", id: "ladder-title"}, "…"), state = h("span.badge"), asked = h("span.badge", {hidden: true, role: "status", dataset: {tone: "warn"}});
  const banner = h("p.notice", {hidden: true, role: "status"}), where = h("span.dim");
  const figures = h("div.figures"), details = h("dl.kv"), picture = h("div.picture");
  const figure = new Map(FIGURES.map(([key, label, unit, hint]) => { const dd = h("span.value", {dataset: {key}}), u = h("span.unit"), box = h("div.figure", {title: hint || null}, h("span.label", {}, label), dd, unit ? u : null); return [key, {box, dd, u, unit}]; }));
  figures.append(...[...figure.values()].map(({box}) => box));
  const ended = h("p.dim.ended", {hidden: true}, "As it was at its end. Today's price is not in it.");
  const timers = h("dl.kv.timers"), legs = ladder(context), listed = orders(context, id);
  const buttons = actions(context, id, (text) => { asked.hidden = !text; asked.textContent = text; });
  const element = h("section.ladder", {"aria-labelledby": "ladder-title", dataset: {group: id, live: ""}},
    h("header.row.spread", {}, h("div.row.grow", {}, title, state, asked, where), h("div.row", {}, buttons.element, h("button.close", {type: "button", "aria-label": "Close this ladder (Esc)", title: "Esc", onclick: onClose}, "×"))),
    banner, figures, h("div.body", {}, h("div.legs", {}, legs.element, legs.cuts, listed.element), h("div.aside", {}, ended, picture, timers, details)));
  let rows = new Map(), seen = "";
  const sized = new ResizeObserver(() => draw(picture, rows));
  sized.observe(picture);
  const stop = context.follow(`group:${id}`, (topic) => { rows = topic.rows; show(topic); });

  function show(topic) {
    element.classList.toggle("stale", !!topic.stale);
    const facts = rows.get("");
    if (!facts) return topic.stale && notice(`${topic.stale.why}. ${topic.stale.remedy || ""}`, "bad");
    const name = `${textOf(facts.pair)} · ${textOf(facts.timeframe)} · ${textOf(facts.side)}`;
    if (title.textContent !== name) title.textContent = name;
    put(state, facts.state);
    put(where, textOf(facts.account));
    if (seen && seen !== sortOf(facts.state)) { asked.hidden = true; }
    seen = sortOf(facts.state);
    for (const [key, {box, dd, u, unit}] of figure) { box.hidden = !sortOf(facts[key]) && !(key === "liquidation" && textOf(facts.market) === "swap" && seen !== "CLOSED"); put(dd, facts[key]); if (unit) put(u, textOf(facts[unit])); }
    ended.hidden = seen !== "CLOSED";
    told(topic, facts);
    buttons.show(facts);
    legs.show(rows, facts);
    facing(facts);
    draw(picture, rows);
  }

  function told(topic, facts) {
    if (topic.stale) return notice(`Not fresh: ${topic.stale.why}. What stands here was read at ${moment(topic.at)}.`, "warn");
    if (seen !== "CLOSED") return void (banner.hidden = true);
    const result = sortOf(facts.realized), share = textOf(facts.result);
    notice(`Closed ${moment(sortOf(facts.closed))}: ${textOf(facts.why_closed)}. Result ${result ? `${textOf(facts.realized)} ${textOf(facts.quote)}` : "–"} (${share} of what was put in), fees taken off.`, facts.realized?.[1] || "info");
  }

  function notice(text, tone) {
    banner.hidden = false; banner.dataset.tone = tone;
    if (banner.textContent !== text) banner.textContent = text;
  }

  function facing(facts) {
    const lines = [["Opened", "opened", "at"], ["Age", "opened", "since"], ["Closed", "closed", "at"], ["Risk timer", "risk_timer", "until"], ["Closes unfilled in", "unfilled_until", "until"], ["Last change", "updated", "at"]];
    const shown = lines.filter(([, key]) => sortOf(facts[key])).filter(([label]) => !(seen === "CLOSED" && ["Age", "Risk timer", "Closes unfilled in"].includes(label)));
    keyed(timers, shown.map(([label, key, kind]) => [label, (dd) => { const ms = sortOf(facts[key]); if (kind === "at") { put(dd, moment(ms)); dd.title = full(ms); } else counts(dd, {[kind]: ms, over: key === "risk_timer" ? "run out" : "now"}); }]));
    const known = DETAILS.filter(([key]) => textOf(facts[key])).map(([key, label]) => [label, (dd) => put(dd, facts[key])]);
    for (const [key, label] of [["signal", "Opening signal"], ["reverse_signal", "Reverse that waits"]]) if (textOf(facts[key])) known.push([label, (dd) => linked(dd, textOf(facts[key]))]);
    known.push(["Group", (dd) => put(dd, id)]);
    keyed(details, known);
  }

  /** Lines of a list by their label; made once, filled again and again. */
  function keyed(list, wanted) {
    const labels = wanted.map(([label]) => label).join("|");
    if (list.dataset.labels !== labels) { list.dataset.labels = labels; list.replaceChildren(...wanted.flatMap(([label]) => [h("dt", {}, label), h("dd")])); }
    wanted.forEach(([, fill], at) => fill(list.children[at * 2 + 1]));
  }

  function linked(dd, signal) {
    if (dd.dataset.signal === signal) return;
    dd.dataset.signal = signal;
    dd.replaceChildren(h("a", {href: `/signals#${encodeURIComponent(signal)}`, title: "Its story"}, signal));
  }

  return {element, focus: () => title.focus({preventScroll: true}), end: () => { stop(); sized.disconnect(); listed.end(); element.remove(); }};
}
