// The projected plan: for the engine's choice, or for a group that was chosen.
import {h, put, textOf, toneOf} from "../../dom.js";
import {allow, button, facts, grid, LESS} from "./parts.js";
import {AT, nameOf} from "./candidates.js";

const PICKED = "";

export function mountPlan(box, ctx) {
  const {follow, may} = ctx;
  const choice = h("select", {onchange: () => look(choice.value)}, h("option", {value: PICKED}, "the engine's choice"));
  const verdict = h("span.badge"), why = h("p", {hidden: true}), stands = h("p", {hidden: true});
  const sum = facts([
    ["name", "Loser"], ["loss", "Loss at bid/ask", AT], ["fee", "+ fee of its close", "estimated; the winners' fees are taken off their profits"],
    ["buffer", "+ slippage buffer", "risk.slippage_buffer_percent of all that would be closed"], ["required", "= required", "what the winners have to bring"],
    ["expected", "Winners bring", "fees taken off"], ["closes", "Closes"], ["quantity", "Quantity", "of the loser, in base"],
  ]);
  const list = grid("Winners of the projected plan", [["place", "#"], ["name", "Winner", "head"], ["quantity", "Quantity", "num"], ["profit", "Profit", "num"], ["whole", "Closes"]]);
  const run = button("Run now…", {small: false, danger: true, press: (made) => runNow(made, chosen, ctx)});
  box.append(h("div.row.spread", {}, h("h2", {}, "Projected plan"), verdict), h("label.field.row", {}, h("span", {}, "Loser"), choice), stands, sum.element, why, list.element, h("div.row.end", {}, run));
  let chosen = PICKED, stop = null;
  const names = new Map();

  function look(id) {
    if (stop) stop();
    chosen = id;
    box.classList.add("stale"); // Until the plan of this one has come.
    stop = follow(id ? `risk-plan:${id}` : "risk-plan", draw);
  }
  function draw(topic) {
    const row = topic.rows.get("");
    box.classList.toggle("stale", !!topic.stale);
    if (!row) return;
    put(verdict, row.verdict);
    sum.fill({...row, name: names.get(row.loser) || row.loser_name || row.loser || "none"});
    sum.element.hidden = !row.loser;
    const winners = topic.order.filter((id) => id);
    list.element.hidden = !winners.length;
    list.fill(winners.map((id) => [id, {...topic.rows.get(id), name: names.get(id) || textOf(topic.rows.get(id).pair)}]));
    line(why, row.why, toneOf(row.verdict) === "bad" ? "bad" : "warn");
    line(stands, row.obstacles === "–" ? "" : `In the way: ${row.obstacles}. ${row.meaning}`, "dim");
    allow(run, !may("risk-run") ? LESS : row.runs ? "" : "There is no loser: no group can be taken now", "Skips the timer, not the arithmetic. Asks first, naming all that would be closed.");
  }
  follow("risk-groups", (topic) => {
    names.clear();
    for (const id of topic.order) { const row = topic.rows.get(id); if (row) names.set(id, nameOf(row)); }
    const wanted = [PICKED, ...names.keys()], there = [...choice.options].map((option) => option.value);
    if (chosen && topic.order.length && !names.has(chosen)) look(PICKED);
    if (wanted.join() === there.join() || document.activeElement === choice) return;
    choice.replaceChildren(...wanted.map((id) => h("option", {value: id, selected: id === chosen}, id ? names.get(id) : "the engine's choice")));
  });
  look(PICKED);
  return {choose(id) { choice.value = id; look(id); box.scrollIntoView({block: "nearest"}); }};
}

function line(element, text, tone) {
  element.hidden = !text;
  put(element, [text, tone]);
}

async function runNow(made, group, {act, ask, press, say, words}) {
  const would = await act("risk-run", {group}, {preview: true});
  if (would.error) { say(words(would.error), "bad"); return; }
  const {said, lines, note} = would.done;
  const body = h("div", {}, h("p", {}, said), h("ol", {}, lines.map((text) => h("li", {}, text))), note ? h("p", {dataset: {tone: "warn"}}, note) : null,
    h("p.dim", {}, "The winners are sold first and the loser last; each is reckoned anew right before it is sold."));
  if (await ask({title: "Run this offset now?", body, yes: "Run it", danger: true})) await press("risk-run", {group}, {button: made});
}
