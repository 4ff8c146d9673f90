// The last ten alerts: what each wanted, what became of it, and why.
import {h} from "../../dom.js";
import {at, moment, zone} from "../../moments.js";
import {shortTable} from "../../short.js";

export function recent(root, _ctx) {
  const card = h("section.card.recent", {"aria-labelledby": "recent-title"}, h("div.row.spread", {}, h("h2", {id: "recent-title"}, "Recent alerts"), h("a", {href: "/signals"}, "All alerts")));
  root.append(card);
  shortTable(card, {
    topic: "recent", caption: "Recent alerts with outcome and reason",
    empty: "No alert has come yet. The steps above connect TradingView, or send a test alert.",
    columns: [
      {key: "time", title: "Time", hint: `In ${zone}`, make: (td, row) => { if (!td.firstChild) td.append(moment("clock")); at(td.firstChild, row.time); }},
      {key: "pair", title: "Pair"}, {key: "timeframe", title: "TF", hint: "Timeframe"}, {key: "intent", title: "Wants"},
      {key: "outcome", title: "Outcome"}, {key: "reason", title: "Why", wrap: true}, {key: "source", title: "Source"},
    ],
  });
}
