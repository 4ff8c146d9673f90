// The buttons of one group. Each asks first and says what the engine would do; what is pressed shows at once as asked for.
import {sortOf, textOf} from "../../dom.js";

const BUTTONS = [
  {verb: "group-close", label: "Close…", danger: true, pending: "closing: asked", run: close, stop: (row) => sortOf(row.state) === "CLOSING" && "It is being closed already."},
  {verb: "group-reduce", label: "Reduce…", pending: "reducing: asked", run: reduce, stop: (row) => (sortOf(row.state) === "CLOSING" ? "It is being closed." : !sortOf(row.entry) && "It holds nothing that could be reduced.")},
  {verb: "group-cancel", label: "Cancel entries…", pending: "cancelling entries: asked", run: cancel, stop: (row) => textOf(row.open_entries) === "0" && "No entry of it is open."},
  {verb: "group-block", label: "Block from risk…", pending: "blocking: asked", run: block, gone: (row) => !!textOf(row.blocked)},
  {verb: "group-unblock", label: "Unblock for risk", pending: "unblocking: asked", run: plain, gone: (row) => !textOf(row.blocked)},
  {verb: "group-skip", label: "Skip once", pending: "skipping: asked", run: plain, stop: (row) => (textOf(row.skipped) ? "It is passed over once already." : textOf(row.blocked) && "It is blocked: the risk engine does not take it at all.")},
];

/** actions(context, id, onPending): {element, show(row)}. `onPending(text)`: what was asked for; empty: no more. */
export function actions(context, id, onPending) {
  const {h, may, me} = context;
  let row = {}, busy = false;
  const buttons = BUTTONS.map((spec) => ({spec, button: h(spec.danger ? "button.danger" : "button", {type: "button", dataset: {verb: spec.verb}, onclick: () => press(spec)}, spec.label)}));
  const element = h("div.row.actions", {role: "group", "aria-label": "What can be done to this group"}, buttons.map(({button}) => button));
  async function press(spec) {
    await spec.run({context, id, row, spec, send});
    show(row);
  }
  async function send(spec, values) {
    busy = true; show(row); onPending(spec.pending);
    const answer = await context.act(spec.verb, {group: id, ...values});
    busy = false; show(row);
    if (answer.error) { onPending(""); context.say(context.words(answer.error), "bad"); } else context.say(answer.done.said);
    if (!answer.error) setTimeout(() => onPending(""), 3000);
  }
  function show(next) {
    row = next;
    element.hidden = !textOf(row.state) || sortOf(row.state) === "CLOSED";
    for (const {spec, button} of buttons) {
      const why = !may(spec.verb) ? `Your role (${me.role.toLowerCase()}) may look, not trade: log in with an operator's token.` : (spec.stop && spec.stop(row)) || "";
      button.hidden = !!(spec.gone && spec.gone(row));
      button.disabled = busy || !!why;
      button.title = why;
    }
  }
  return {element, show};
}

const named = (row) => `${textOf(row.pair)} ${textOf(row.timeframe)} ${sortOf(row.side)} on ${textOf(row.account)}`;
const real = (row) => (textOf(row.world) === "live" ? "Real money. " : "");
const list = (h, lines) => h("ul.forecast", {}, lines.map((line) => h("li", {}, line)));

async function preview({context, id, spec}, values = {}) {
  const answer = await context.act(spec.verb, {group: id, ...values}, {preview: true});
  return answer.error ? {fault: context.words(answer.error)} : {lines: answer.done.lines || [answer.done.said]};
}

async function asked(press, title, yes, danger) {
  const {context, row, spec, send} = press, would = await preview(press);
  if (would.fault) return context.say(would.fault, "bad");
  const body = context.h("div", {}, context.h("p", {}, `${real(row)}${named(row)}:`), list(context.h, would.lines));
  if (await context.ask({title, body, yes, danger})) await send(spec, {});
}

function close(press) { return asked(press, "Close this group?", "Close it", true); }
function cancel(press) { return asked(press, "Cancel its open entries?", "Cancel the entries", false); }
function plain({spec, send}) { return send(spec, {}); }

async function block({context, row, spec, send}) {
  const {h} = context;
  const field = h("input", {type: "text", id: "block-reason", maxlength: "200", autocomplete: "off"});
  field.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  const body = h("div.form", {}, h("p", {}, `${named(row)}: the risk engine takes it neither as loser nor as winner until it is unblocked. Its targets and stop stay.`),
    h("div.field", {}, h("label", {for: "block-reason"}, "Why (for the record)"), field));
  if (await context.ask({title: "Block it from the risk engine?", body, yes: "Block it"})) await send(spec, {reason: field.value.trim()});
}

/** By percent or by quantity, with the engine's own plan of it below. */
async function reduce(press) {
  const {context, row, spec, send} = press, {h} = context;
  const percent = h("input", {type: "text", inputmode: "decimal", id: "reduce-percent", autocomplete: "off", value: "50"});
  const quantity = h("input", {type: "text", inputmode: "decimal", id: "reduce-quantity", autocomplete: "off"});
  const plan = h("div.plan", {"aria-live": "polite"});
  const values = () => (quantity.value.trim() ? {quantity: plainNumber(quantity.value)} : {percent: plainNumber(percent.value)});
  let asking = 0, last = 0;
  const look = () => { clearTimeout(asking); asking = setTimeout(async () => {
    const turn = ++last, found = await preview(press, values());
    if (turn === last) plan.replaceChildren(found.fault ? h("p.bad", {}, found.fault) : list(h, found.lines));
  }, 200); };
  percent.addEventListener("input", () => { quantity.value = ""; look(); });
  quantity.addEventListener("input", () => { if (quantity.value) percent.value = ""; look(); });
  for (const field of [percent, quantity]) field.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); look(); } });
  const chips = h("div.chips", {role: "group", "aria-label": "Share"}, ["25", "50", "75", "100"].map((share) => h("button", {type: "button", onclick: () => { percent.value = share; quantity.value = ""; look(); }}, `${share} %`)));
  const body = h("div.form.reduce", {}, h("p", {}, `${real(row)}${named(row)}, ${textOf(row.quantity)} ${textOf(row.base)} held.`), chips,
    h("div.field", {}, h("label", {for: "reduce-percent"}, "Share of what is held, in %"), percent),
    h("div.field", {}, h("label", {for: "reduce-quantity"}, `or a quantity, in ${textOf(row.base)}`), quantity), plan);
  look();
  const yes = await context.ask({title: "Reduce this group?", body, yes: "Reduce it", danger: true});
  last += 1;
  if (yes) await send(spec, values());
}

const plainNumber = (text) => text.replace(/[\s\u202f\u00a0]/g, "");
