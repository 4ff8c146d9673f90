// Profit, pool and limits, capital, risk engine, last alert: a card each.
import {h, put, textOf} from "../../dom.js";
import {at, moment} from "../../moments.js";

export function figures(root, {follow}) {
  const cells = {}, times = {};
  const value = (key, name = "span") => (cells[key] = h(name));
  const time = (key, form) => (times[key] = moment(form));
  const money = (key) => [value(key), h("span.unit", {dataset: {unit: ""}})];
  const pool = bar(["pool"]), capital = bar(["held", "reserved"]);
  const card = (title, ...body) => h("section.card", {dataset: {live: ""}}, h("h2", {}, title), ...body);
  const limits = h("dl.kv.limits", {"aria-label": "Limits, now and at most"});
  const pair = (title, ...body) => [h("dt", {}, title), h("dd", {}, ...body)];
  root.append(h("div.cards.dash", {},
    card("Total profit", h("p.value.big", {}, money("total")), h("p.percent", {}, value("total_percent"), " ", value("basis", "span.dim")),
      h("dl.kv", {}, pair("Realised", money("realized")), pair("Unrealised at mark", money("unrealized")))),
    card("Realised today", h("p.value.big", {}, money("day")),
      h("dl.kv", {}, pair("This week", money("week")), pair("This month", money("month")), pair("Fees, all time", money("fees"))), value("period_basis", "p.dim.note")),
    card("Pool", h("p.value.big", {}, value("groups"), h("span.unit", {}, "live groups")), pool.element, value("forced_words", "p.dim"),
      h("dl.kv", {}, pair("Queued signals", h("a", {href: "/queue"}, value("queued")))), limits),
    card("Exposure", h("p.value.big", {}, money("exposure")), capital.element,
      h("dl.kv", {}, pair("In filled legs, as planned", key("held"), money("held")), pair("Reserved for legs", key("reserved"), money("reserved")), pair("Free capital", key("free"), money("free")), pair("Equity", money("equity")))),
    card("Risk engine", h("p.value.big", {}, h("a", {href: "/risk"}, value("risk"))), value("risk_reason", "p.dim"),
      h("dl.kv", {}, pair("Last action", value("action"), " ", time("action_time", "ago")), pair("Its result", value("action_result")), pair("Next look", time("risk_next", "until")), pair("Could be offset", value("eligible")))),
    card("Last alert", h("p.value.big", {}, time("last_age", "ago")), h("p.dim", {}, time("last_signal", "clock"), value("zone")),
      h("dl.kv", {}, pair("Active notices", value("alerts")), pair("Configuration", value("config")), pair("Terrace", value("version"))))));
  put(cells.zone, ` ${Intl.DateTimeFormat().resolvedOptions().timeZone}`);

  follow("state", (topic) => {
    const now = topic.rows.get("");
    if (!now) return;
    for (const name of ["total", "total_percent", "basis", "realized", "unrealized", "groups", "queued", "exposure", "held", "reserved", "free", "equity", "risk", "version"]) put(cells[name], now[name]);
    const forced = Number(textOf(now.forced));
    put(cells.forced_words, forced ? [`${forced} of them added by hand over the limit`, "warn"] : "");
    cells.forced_words.hidden = !forced;
    put(cells.alerts, [textOf(now.alerts), textOf(now.alerts) === "0" ? "" : "warn"]);
    put(cells.config, `version ${textOf(now.config_version)}`);
    pool.set([textOf(now.pool_percent)], `Pool: ${textOf(now.groups)} slots taken`);
    capital.set([textOf(now.held_percent), textOf(now.reserved_percent)], `Capital: ${textOf(now.held)} held, ${textOf(now.reserved)} reserved, ${textOf(now.free)} free ${textOf(now.currency)}`);
    at(times.last_age, now.last_signal); at(times.last_signal, now.last_signal);
    times.last_signal.parentElement.hidden = !now.last_signal?.[2];
    units(root, textOf(now.currency));
    bounds(limits, topic);
  });
  follow("figures", (topic) => {
    const now = topic.rows.get("");
    if (!now) return;
    for (const name of ["day", "week", "month", "fees", "period_basis", "risk_reason", "action_result"]) put(cells[name], now[name]);
    cells.risk_reason.hidden = !textOf(now.risk_reason);
    put(cells.action, textOf(now.action) ? now.action : ["none yet", "dim"]);
    if (textOf(now.action_reason)) cells.action.title = textOf(now.action_reason);
    times.action_time.hidden = !textOf(now.action);
    put(cells.eligible, `${textOf(now.risk_eligible)} of ${textOf(now.risk_watched)} groups`);
    at(times.action_time, now.action_time); at(times.risk_next, now.risk_next);
  });
}

const key = (name) => h("span.swatch", {dataset: {part: name}, "aria-hidden": "true"});
function units(root, currency) {
  for (const unit of root.querySelectorAll("[data-unit]")) {
    const words = textOf(unit.previousSibling?.textContent) === "–" ? "" : currency;
    if (unit.textContent !== words) unit.textContent = words;
  }
}
/** Each limit that has a bound: what it is compared with, and the bound. */
function bounds(list, topic) {
  const ids = topic.order.filter((id) => id.startsWith("limit:") && topic.rows.has(id)), told = ids.join();
  if (list.dataset.told !== told) {
    list.dataset.told = told;
    list.replaceChildren(...(ids.length ? ids.flatMap(() => [h("dt"), h("dd")]) : [h("dt", {}, "Loss limits"), h("dd", {}, h("a", {href: "/settings#limits"}, "none set"))]));
  }
  ids.forEach((id, at) => { const row = topic.rows.get(id), [dt, dd] = [list.children[at * 2], list.children[at * 2 + 1]]; put(dt, row.name); put(dd, row.now); if (dd.title !== textOf(row.used)) dd.title = textOf(row.used); });
}
function bar(parts) {
  const pieces = parts.map((part) => h("span", {dataset: {part}}));
  const element = h("div.meter.parts", {role: "img", "aria-label": ""}, pieces);
  return {element, set(percents, words) {
    pieces.forEach((piece, index) => { piece.style.width = `${percents[index] || 0}%`; });
    if (element.getAttribute("aria-label") !== words) element.setAttribute("aria-label", words);
  }};
}
