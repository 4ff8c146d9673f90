// Differences between exchange and store, and messages that stopped an actor.
import {h, put, textOf} from "../../dom.js";
import {at, moment} from "../../moments.js";
import {shortTable} from "../../short.js";

const when = {key: "time", title: "Since", make: (td, row) => { if (!td.firstChild) td.append(moment("ago")); at(td.firstChild, row.time); }};
const HOW = {
  adopt: ["Adopt", "Take it into the books?", "Adopt", false],
  ignore: ["Ignore", "Leave it alone?", "Ignore", false],
  flatten: ["Flatten", "Close or cancel it at the exchange?", "Flatten", true],
};

export function drift(root, ctx) {
  const card = h("section.card", {"aria-labelledby": "drift-title"}, h("h2", {id: "drift-title"}, "Differences between exchange and books"));
  root.append(card);
  const may = ctx.may("resolve_drift");
  shortTable(card, {
    topic: "drift", caption: "Open differences", empty: "None: what the exchange says and what the books say agree.",
    columns: [when, {key: "account", title: "Account"}, {key: "symbol", title: "Pair"}, {key: "what", title: "Kind"}, {key: "message", title: "What", wrap: true}, {key: "expected", title: "Books"}, {key: "actual", title: "Exchange"},
      {key: "act", label: "Actions", make: (td, row, id) => { if (td.firstChild) return; td.append(h("div.row.nowrap", {}, Object.keys(HOW).map((how) => button(how, id, row)))); }}],
  });
  function button(how, id, row) {
    const [title, question, yes, danger] = HOW[how];
    const one = h("button.small", {type: "button", disabled: !may, title: may ? question : "A viewer cannot decide: log in as operator", onclick: () => decide(one)}, title);
    async function decide(pressed) {
      const values = {drift_id: id, resolution: how, group_id: ""};
      const would = await ctx.act("resolve_drift", values, {preview: true});
      const group = h("input", {type: "text", autocomplete: "off", value: textOf(row.group)});
      const body = h("div.form", {}, h("p", {}, would.error ? ctx.words(would.error) : would.done.said), how === "adopt" ? h("label.field", {}, h("span", {}, "Group that takes it, where that is not plain"), group) : null);
      if (would.error && how !== "adopt") return ctx.say(ctx.words(would.error), "bad");
      if (await ctx.ask({title: question, body, yes, danger})) await ctx.press("resolve_drift", {...values, group_id: how === "adopt" ? group.value : ""}, {button: pressed});
    }
    return one;
  }
}

export function letters(root, ctx) {
  const card = h("section.card", {"aria-labelledby": "letters-title"}, h("h2", {id: "letters-title"}, "Dead letters"));
  root.append(card);
  const may = ctx.may("retry_letter");
  shortTable(card, {
    topic: "letters", caption: "Messages that stopped an actor", empty: "None: no message has stopped a part of the engine.",
    columns: [when, {key: "actor", title: "Actor"}, {key: "type", title: "Message"}, {key: "error", title: "What went wrong", wrap: true, make: (td, row) => {
      if (!td.firstChild) td.append(h("span"), h("details", {}, h("summary", {}, "Content"), h("pre", {}, h("code"))), h("p.dim"));
      put(td.children[0], row.error); put(td.querySelector("code"), row.content); put(td.children[2], [row.result && `Last try: ${textOf(row.result)}`, textOf(row.remedy)].filter(Boolean).join(". "));
    }}, {key: "attempts", title: "Tries", num: true},
    {key: "act", label: "Actions", make: (td, row, id) => {
      if (!td.firstChild) { const one = h("button.small", {type: "button", onclick: () => ctx.press("retry_letter", {dead_letter_id: id}, {title: "Hand it to its actor once more?", yes: "Retry", button: one})}, "Retry"); td.append(one); }
      const retryable = !!textOf(row.retryable);
      td.firstChild.disabled = !may || !retryable;
      td.firstChild.title = !retryable ? textOf(row.remedy) || "It cannot be tried again" : may ? "" : "Only an administrator can retry";
    }}],
  });
}
