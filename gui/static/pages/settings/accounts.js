// Accounts tried, and the precision rules each has of its instruments.
import {makeTime, when} from "./diff.js";
import {zone} from "../../moments.js";

export function accountsPane(pane, ctx) {
  const {h, table, act, press, put} = ctx;
  const may = ctx.may("account_check"), why = may ? null : "needs the role operator";
  const result = h("div.checks", {role: "status"}), catalogue = h("section.catalogue");
  let inner = null;
  pane.append(h("h2", {}, "Accounts and precision"), h("p.help", {}, `A test asks the exchange for reachability, clock, key, permissions and instruments; it places no order. Times in ${zone}.`));
  const buttons = (_cell, _row, id, td) => td.replaceChildren(
    h("button", {type: "button", disabled: !may, title: why, "aria-label": `Test ${id}`, onclick: (event) => test(id, event.target)}, "Test"), " ",
    h("button", {type: "button", "aria-label": `Instruments of ${id}`, onclick: () => open(id)}, "Instruments"));
  const list = table(pane, {topic: "settings_accounts", key: "settings_accounts", caption: "Accounts", empty: "No account: add one under Accounts.", columns: [
    {key: "account", title: "Account"}, {key: "exchange", title: "Exchange"}, {key: "market", title: "Market"}, {key: "world", title: "World"}, {key: "state", title: "State"}, {key: "reason", title: "Why", make: (cell, _row, _id, td) => put(td, cell || "–")}, {key: "instruments", title: "Instruments fetched", make: makeTime}, {key: "do", title: "Actions", make: buttons},
  ]});
  pane.append(result, catalogue);

  async function test(account, button) {
    button.disabled = true; button.setAttribute("aria-busy", "true");
    result.replaceChildren(h("p.dim", {}, `Testing ${account} …`));
    const answer = await act("account_check", {account});
    button.disabled = false; button.removeAttribute("aria-busy");
    if (answer.error) return result.replaceChildren(h("p.fault", {}, ctx.words(answer.error)));
    result.replaceChildren(h("h3", {}, answer.done.said), h("div.scroll", {tabindex: "0", role: "region", "aria-label": "Checks"}, h("table", {}, h("caption.visually-hidden", {}, `Checks of ${account}`), h("thead", {}, h("tr", {}, ["Check", "Result", "What was found"].map((title) => h("th", {scope: "col"}, title)))),
      h("tbody", {}, answer.done.checks.map((one) => h("tr", {}, h("th", {scope: "row"}, one.name), h("td", {dataset: {tone: one.passed ? "good" : "bad"}}, one.passed ? "✓ passed" : "✗ failed"), h("td.words", {}, one.message)))))));
  }
  function open(account) {
    if (inner) inner.stop();
    const fetched = h("span.dim"), refresh = h("button", {type: "button", disabled: !may, title: why, onclick: () => press("instruments_refresh", {account}, {button: refresh})}, "Fetch from the exchange now");
    catalogue.replaceChildren(h("h3", {}, `Instruments of ${account}`), h("p", {}, refresh, " ", fetched));
    inner = table(catalogue, {topic: `settings_instruments:${account}`, key: "settings_instruments", caption: `Instruments of ${account}`, empty: "No instrument is known. Fetch them with the button above.", columns: [
      {key: "symbol", title: "Symbol"}, {key: "exchange_symbol", title: "At the exchange"}, {key: "tick", title: "Price step", num: true}, {key: "step", title: "Quantity step", num: true}, {key: "least", title: "Least quantity", num: true}, {key: "notional", title: "Least notional", num: true}, {key: "contract", title: "Contract", num: true}, {key: "active", title: "Tradable"},
    ]});
    const stop = inner.stop, told = ctx.follow(`settings_instruments:${account}`, (topic) => {
      const times = [...topic.rows.values()].map((row) => row.fetched).filter(Boolean).sort();
      fetched.textContent = `${topic.rows.size} instruments${times.length ? `, last fetched ${when(times.pop())}` : ", not fetched from an exchange"}`;
    });
    inner.stop = () => { stop(); told(); };
    catalogue.scrollIntoView({block: "nearest"});
  }
  return () => { list.stop(); if (inner) inner.stop(); };
}
