// What was earned and lost: figures, charts, tables; all of one scope, which stands in the page's address.
import {allocation} from "./performance/allocation.js";
import {curve, heat, periods, returns} from "./performance/charts.js";
import {daily} from "./performance/daily.js";
import {figures} from "./performance/figures.js";
import {parts, results} from "./performance/parts.js";
import {scope} from "./performance/scope.js";

export function mount(root, context) {
  const {h, follow} = context;
  const note = h("p.dim.note"), none = h("div.empty-state", {hidden: true}, h("h2", {}, "Nothing has been closed in this range"), h("p", {}, "Figures appear when a position group closes. The equity curve is drawn from the second measurement on; the engine takes one every few minutes."));
  const asked = scope(context, draw);
  const shown = [figures(context), none, curve(context), periods(context, asked), parts(context, asked), returns(context), heat(context), results(context), allocation(context), daily(context, asked)].map((one) => (one instanceof Node ? {element: one} : one));
  const place = h("div.performance", {"aria-busy": "true"}, shown.map((one) => one.element));
  root.append(asked.element, note, place);
  let stop = null;

  function draw() {
    stop?.();
    place.setAttribute("aria-busy", "true");
    for (const one of shown) one.begin?.(asked.topic());
    stop = follow(asked.topic(), (topic) => {
      if (topic.stale && !topic.version) { note.textContent = `This cannot be read now: ${topic.stale.why}. ${topic.stale.remedy || ""}`; return; }
      const now = topic.rows.get("");
      if (!now) return;
      place.removeAttribute("aria-busy");
      note.textContent = `As of ${new Date(topic.at).toLocaleTimeString("en-GB")}, read again every 15 s. Amounts in ${now.currency}, fees taken off.${now.valuation_note ? ` ${now.valuation_note}` : ""}`;
      none.hidden = now.trades !== "0";
      for (const one of shown) one.show?.(topic, now);
    });
  }
  draw();
}
