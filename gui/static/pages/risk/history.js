// What was decided and what came of it; a line opens its plan, steps and inputs.
import {h, put, textOf} from "../../dom.js";
import {moment, span, zone} from "../../counting.js";
import {badge} from "./candidates.js";
import {grid} from "./parts.js";
import {steps} from "./running.js";

const SHOWN = [["required", "Required"], ["expected", "Winners were to bring"], ["realized", "Winners brought"], ["planned_loss", "Loss as planned"], ["loss", "Loss as realised"], ["net", "Together"]];

export function mountHistory(box, ctx) {
  box.append(h("h2", {}, "History"), h("p.dim", {}, `Plan against result, newest first. Times are ${zone}. A line opens its plan, steps and what they were made from.`));
  ctx.table(box, {
    topic: "risk-history", key: "risk-history", caption: "History of offsets", empty: "The risk engine has done nothing so far. It acts when a candidate has nothing in its way and winners can pay.",
    onRow: (id, row) => open(id, row, ctx),
    columns: [
      {key: "time", title: "Time", make: (cell, row, id, td) => { const text = moment(cell[2]); if (td.textContent !== text) td.textContent = text; }},
      {key: "loser", title: "Loser"},
      {key: "state", title: "State", make: badge},
      {key: "required", title: "Required", num: true, hint: "loss, fee of the close and buffer, as planned"},
      {key: "expected", title: "Planned profit", num: true, hint: "what the winners were to bring"},
      {key: "realized", title: "Realised", num: true, hint: "what the winners brought"},
      {key: "planned_loss", title: "Planned loss", num: true, hint: "unrealised loss and the fee of the close"},
      {key: "loss", title: "Realised loss", num: true},
      {key: "net", title: "Together", num: true, hint: "realised profit less realised loss"},
      {key: "winners", title: "Winners"},
      {key: "manual", title: "Started"},
      {key: "why", title: "Why", make: (cell, row, id, td) => { td.className = "wrap"; put(td, cell); if (td.title !== row.meaning) td.title = row.meaning; }},
    ],
  });
}

function open(id, row, {follow}) {
  const body = h("div"), heading = `Offset of ${textOf(row.loser)}, ${moment(row.time[2])}`;
  const dialog = h("dialog.wide", {"aria-labelledby": "risk-action"}, h("h2", {id: "risk-action"}, heading), body, h("form.buttons", {method: "dialog"}, h("button", {type: "submit"}, "Close")));
  const stop = follow(`risk-action:${id}~${row.time[2]}`, (topic) => topic.rows.has("") && body.replaceChildren(...details(topic)));
  dialog.addEventListener("close", () => { stop(); dialog.remove(); });
  document.body.append(dialog);
  dialog.showModal();
}

function details(topic) {
  const row = topic.rows.get(""), under = (name) => topic.order.filter((id) => id.startsWith(name)).map((id) => topic.rows.get(id));
  const figures = SHOWN.map(([key, title]) => { const dd = h("dd"); put(dd, row[key]); return h("div.figure", {}, h("dt", {}, title), dd); });
  const took = row.ended ? `took ${Number(row.ended) - Number(row.time[2]) < 1000 ? "less than a second" : span(Number(row.ended) - Number(row.time[2]))}` : "under way";
  const state = h("span.badge"); put(state, row.state);
  const winners = under("plan/").slice(1), made = under("step/"), inputs = under("input/");
  return [
    h("p.row", {}, state, h("span", {}, row.manual), h("span", {}, took), h("span", {}, `closes ${row.share}`), h("span.dim", {}, row.account)),
    row.why ? h("p", {}, row.why, row.meaning ? h("span.dim", {}, ` ${row.meaning}`) : null) : null,
    h("dl.figures", {}, figures),
    h("h3", {}, "Winners as planned"), winners.length ? lines("Winners as planned", [["pair", "Winner", "head"], ["quantity", "Quantity", "num"], ["profit", "Profit", "num"], ["whole", "Closes"]], winners) : h("p.empty", {}, "None."),
    h("h3", {}, "Steps"), made.length ? steps(made) : h("p.empty", {}, "None was begun."),
    h("h3", {}, "Made from"), lines("What it was made from", [["name", "What", "head"], ["value", "Value"]], inputs),
  ].filter(Boolean);
}

function lines(caption, columns, rows) {
  const list = grid(caption, columns);
  list.fill(rows.map((row, at) => [String(at), row]));
  return list.element;
}
