// The dashboard: how the engine is, what it holds and earns, what came last.
import {banner} from "./dashboard/banner.js";
import {figures} from "./dashboard/figures.js";
import {curve} from "./dashboard/curve.js";
import {recent} from "./dashboard/recent.js";
import {firstSteps} from "./dashboard/first.js";

export function mount(root, ctx) {
  const {h} = ctx;
  const parts = {banner: h("section", {"aria-label": "Engine"}), first: h("section.card.first", {id: "first-steps", hidden: true, "aria-labelledby": "first-title"}), figures: h("div"), lower: h("div.dash-lower")};
  root.append(parts.banner, parts.first, parts.figures, parts.lower);
  const buttons = banner(parts.banner, ctx);
  figures(parts.figures, ctx);
  curve(parts.lower, ctx);
  recent(parts.lower, ctx);
  firstSteps(parts.first, ctx, buttons);
}
