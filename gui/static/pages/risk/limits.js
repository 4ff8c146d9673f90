// What may stop new entries, how far it is used, what lifts it.
import {h, put} from "../../dom.js";
import {allow, askWhy, button, grid, LESS} from "./parts.js";

export function mountLimits(box, ctx) {
  const {follow, may, act, ask, press, say, words} = ctx;
  const state = h("span.badge"), means = h("p.dim"), reason = h("p", {hidden: true, dataset: {tone: "bad"}}), lifted = h("p", {hidden: true});
  const list = grid("Limits with their present value", [["name", "Limit", "head"], ["value", "Now", "num"], ["bound", "At most", "num"], ["state", "State"], ["lift", "Lifted by", "wrap"]]);
  const lift = button("Lift limits…", {small: false, press: async (made) => {
    const would = await act("limit-lift", {reason: ""}, {preview: true});
    if (would.error) return say(words(would.error), "bad");
    const why = await askWhy(ask, {title: "Lift what the limits hold back?", body: would.done.said, yes: "Lift", label: "Why, for the record"});
    if (why !== null) await press("limit-lift", {reason: why}, {button: made});
  }});
  box.append(h("div.row.spread", {}, h("h2", {}, "Limits"), state), means, reason, lifted,
    list.element,
    h("div.row.end", {}, lift));
  follow("limits", (topic) => {
    const all = topic.rows.get("");
    box.classList.toggle("stale", !!topic.stale);
    if (!all) return;
    put(state, all.state); put(means, `${all.means} A breached loss limit means: ${all.breach}.`);
    reason.hidden = !all.reason; put(reason, [all.reason, "bad"]);
    lifted.hidden = !all.lift; put(lifted, `Lifted by ${all.lift}`);
    allow(lift, !may("limit-lift") ? LESS : all.is_set ? "" : "no limit is breached", "Lets new entries in again; what was counted until now counts no more");
    list.fill(topic.order.filter((id) => id).map((id) => [id, topic.rows.get(id)]));
  });
}
