// The risk engine's state, when it looks next, and the rules it judges by.
import {h, put} from "../../dom.js";
import {count} from "../../counting.js";

const RULES = [
  ["threshold", "Loss at or beyond", "of what is invested in the group (risk.loss_threshold_percent)"],
  ["required", "Pyramids needed", "before its timer may start (risk.require_full_pyramids, risk.required_pyramids)"],
  ["timer", "Time to recover", "how long it runs, and what starts it (risk.post_full_wait_s, risk.timer_start)"],
  ["age", "Age filter", "risk.use_trade_age_filter, risk.age_threshold_s"],
  ["winners", "Winners combined", "at most (risk.max_winners_to_combine)"],
  ["insufficient", "If they cannot cover it", "risk.insufficient"],
];

export function mountState(box, {follow}) {
  const word = h("b.badge.dot"), why = h("span.dim"), next = h("span"), last = h("span"), interval = h("span");
  const rules = RULES.map(([key, title, hint]) => ({key, dd: h("dd"), element: null, title, hint}));
  box.classList.add("risk-state");
  box.append(
    h("div.row.spread", {}, h("div.row", {}, h("h2", {}, "Risk engine"), word, why),
      h("div.row.dim", {}, h("span", {}, "looked ", last, " ago"), h("span", {}, "next look in ", next), h("span", {title: "risk.evaluate_interval_s"}, "every ", interval))),
    h("dl.figures", {}, rules.map((rule) => h("div.figure", {title: rule.hint}, h("dt", {}, rule.title), rule.dd))));
  follow("risk", (topic) => {
    const row = topic.rows.get("");
    box.classList.toggle("stale", !!topic.stale);
    if (!row) return;
    put(word, row.state); put(why, row.why); put(interval, row.interval);
    count(last, {since: row.evaluated});
    count(next, {until: row.next, over: "a moment"});
    rules.forEach(({key, dd}) => put(dd, row[key]));
  });
}
