// A body is read field by field, as the engine would read it. Nothing is sent.
import {h} from "../../dom.js";

const START = `{
  "source": "tradingview",
  "tv": {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "15", "action": "buy"}
}`;

export function trial({act, say, words}) {
  const source = h("input", {type: "text", value: "tradingview", autocomplete: "off", spellcheck: "false", id: "trial-source"});
  const body = h("textarea.mono", {rows: "14", spellcheck: "false", id: "trial-body", "aria-describedby": "trial-help"}, START);
  const button = h("button.main", {type: "submit"}, "Read it"), result = h("div.result", {"aria-live": "polite"});
  const form = h("form.form", {}, h("div.field", {}, h("label", {for: "trial-source"}, "Source"), source), h("div.field", {}, h("label", {for: "trial-body"}, "Body"), body, h("p.help", {id: "trial-help"}, "Paste what TradingView would send, with its placeholders filled in. It is read by the source's field map and not stored; leave the secret out.")), h("p.row", {}, button));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const answer = await act("check_alert", {source: source.value.trim(), body: body.value});
    button.disabled = false;
    if (answer.error) { result.replaceChildren(h("p.notice", {dataset: {tone: "bad"}}, words(answer.error))); return; }
    show(answer.done);
  });
  function show(done) {
    result.replaceChildren(h("p.notice", {dataset: {tone: done.valid ? "good" : "bad"}}, done.said),
      done.problems.length ? h("ul", {}, done.problems.map((one) => h("li", {}, one))) : null || "",
      h("div.scroll", {tabindex: "0", role: "region", "aria-label": "Fields"}, h("table", {}, h("caption.visually-hidden", {}, "How each field was read"), h("thead", {}, h("tr", {}, ["Field", "Value", "From", "Problem"].map((one) => h("th", {scope: "col"}, one)))),
        h("tbody", {}, done.fields.map((one) => h("tr", {}, h("th.mono", {scope: "row"}, one.path), h("td.mono", {}, one.value || "–"), h("td.mono.dim", {}, one.from || "–"), h("td.bad", {}, one.problem)))))));
  }
  return {element: h("section.trial.split", {hidden: true}, form, result)};
}
