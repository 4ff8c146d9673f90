// The page Risk: state and rules, candidates, who could pay, the projected plan, what runs, limits, history.
import {mountState} from "./risk/state.js";
import {mountCandidates, mountOffers} from "./risk/candidates.js";
import {mountPlan} from "./risk/plan.js";
import {mountRunning} from "./risk/running.js";
import {mountLimits} from "./risk/limits.js";
import {mountHistory} from "./risk/history.js";

export function mount(root, ctx) {
  const {h} = ctx;
  const place = (name) => h(`section.${name}`);
  const state = place("card"), candidates = h("section"), plan = place("card"), running = place("card"), offers = place("card"), limits = place("card"), history = h("section");
  root.append(state, running, candidates, h("div.risk-boards", {}, plan, offers, limits), history);
  const chosen = mountPlan(plan, ctx);
  mountState(state, ctx);
  mountRunning(running, ctx);
  mountCandidates(candidates, ctx, chosen);
  mountOffers(offers, ctx);
  mountLimits(limits, ctx);
  mountHistory(history, ctx);
}
