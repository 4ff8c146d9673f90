// The forwarder says how it is, also while the daemon is down.
import {h, put} from "../../dom.js";

const EVERY_MS = 2000;

export function forwarder(root, _ctx) {
  const status = h("span.badge.dot"), reason = h("p", {hidden: true}), remedy = h("p.dim", {hidden: true}), facts = h("dl.kv"), attempts = h("div");
  root.append(h("section.card", {dataset: {live: ""}, "aria-labelledby": "forwarder-title"}, h("div.row.spread", {}, h("h2", {id: "forwarder-title"}, "Forwarder and spool"), status), reason, remedy, facts, attempts));
  let timer = 0;
  async function look() {
    clearTimeout(timer);
    try {
      const answer = await fetch("/x/system/forwarder", {credentials: "same-origin"});
      if (answer.status === 401) return location.assign("/login");
      draw(await answer.json());
      root.lastChild.classList.remove("stale");
    } catch { put(status, ["not known: the panel does not answer", "warn"]); }
    timer = setTimeout(look, document.hidden ? EVERY_MS * 5 : EVERY_MS);
  }
  function draw(found) {
    put(status, found.status);
    put(reason, found.reason); reason.hidden = !found.reason;
    put(remedy, found.remedy); remedy.hidden = !found.remedy;
    const same = facts.children.length === found.facts.length * 2;
    if (!same) facts.replaceChildren(...found.facts.flatMap(([name]) => [h("dt", {}, name), h("dd")]));
    found.facts.forEach(([, value], index) => put(facts.children[index * 2 + 1], value));
    attempts.replaceChildren(...(found.attempts.length ? [h("h3", {}, "Failed attempts, the latest"), h("ul.streams", {}, found.attempts.map((one) => h("li", {}, h("span.name", {}, one.source), h("span", {}, one.address), h("span.dim", {}, `${one.attempts} times, last ${one.last}`))))] : []));
  }
  look();
}
