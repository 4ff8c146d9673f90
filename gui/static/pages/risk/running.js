// Offsets under way, with their steps. Nothing is shown while none is.
import {h, put} from "../../dom.js";
import {count} from "../../counting.js";
import {grid} from "./parts.js";

export function mountRunning(box, {follow}) {
  box.hidden = true;
  const body = h("div");
  box.append(h("h2", {}, "Running"), body);
  follow("risk-running", (topic) => {
    const actions = topic.order.filter((id) => !id.includes("/"));
    box.hidden = !actions.length;
    body.replaceChildren(...actions.map((id) => one(topic, id)));
  });
}

function one(topic, id) {
  const row = topic.rows.get(id), since = h("span");
  count(since, {since: row.time[2]});
  const says = (text, cell) => { const element = h("b"); put(element, cell); return h("span", {}, text, element); };
  return h("div", {}, h("p.row", {}, says("", row.loser), says("", row.state), h("span", {}, "for ", since), says("needs ", row.required), says("realised so far ", row.realized), h("span.dim", {}, row.manual)),
    steps(topic.order.filter((name) => name.startsWith(`${id}/`)).map((name) => topic.rows.get(name))));
}

/** Steps as a table; `rows` as of the server. */
export function steps(rows) {
  const list = grid("Steps of the offset", [["step", "#", "num"], ["what", "Step", "head"], ["group", "Group"], ["quantity", "Quantity", "num"], ["mark", "State"], ["result", "Result", "wrap"]]);
  list.fill(rows.map((row) => [row.step, row]));
  return list.element;
}
