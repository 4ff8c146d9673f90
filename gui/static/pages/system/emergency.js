// Closing everything at once. It says how much that is, and wants it typed.
import {h, textOf} from "../../dom.js";

const TYPED = "CLOSE ALL";

export function emergency(root, ctx) {
  const may = ctx.may("close_all");
  const account = h("select", {"aria-label": "What to close", disabled: !may}, h("option", {value: ""}, "All accounts of this world"));
  const button = h("button.danger", {type: "button", disabled: !may, title: may ? null : "A viewer cannot close: log in with an operator's token", onclick: () => close()}, "Close everything …");
  root.append(h("section.card.emergency", {"aria-labelledby": "emergency-title"}, h("h2", {id: "emergency-title"}, "Emergency close"),
    h("p", {}, "Closes every live group at market and cancels its open orders. It first says how many groups and how much that is, and wants CLOSE ALL typed. Entries are paused with it: new alerts and what is queued wait until you resume entries."), h("div.row", {}, account, button)));
  ctx.follow("accounts", (topic) => {
    const names = topic.order.filter((id) => topic.rows.get(id)?.kind === "account");
    if (names.join() === account.dataset.names) return;
    account.dataset.names = names.join();
    account.replaceChildren(h("option", {value: ""}, "All accounts of this world"), ...names.map((name) => h("option", {value: name}, `Only ${name}, ${textOf(topic.rows.get(name).exchange)}`)));
  });
  async function close() {
    const values = {account: account.value};
    const would = await ctx.act("close_all", values, {preview: true});
    if (would.error) return ctx.say(ctx.words(would.error), "bad");
    if (!would.done.count) return ctx.say(would.done.said);
    const body = h("div.form", {}, h("p", {}, would.done.said), h("ul", {}, would.done.lines.map((line) => h("li", {}, line))));
    if (await ctx.ask({title: account.value ? `Close all groups of ${account.value}?` : "Close all groups?", body, yes: "Close them", danger: true, typed: TYPED})) await ctx.press("close_all", values, {button});
  }
}
