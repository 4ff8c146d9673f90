// Every live group as the risk engine sees it, and those whose profit could pay.
import {h, put, textOf} from "../../dom.js";
import {count} from "../../counting.js";
import {allow, askWhy, button, grid, LESS} from "./parts.js";

export const AT = "unrealised, at the price a close would get: the bid for a long, the ask for a short (Positions and the dashboard show it at the mark, between the two)";

export function mountCandidates(box, ctx, plan) {
  box.append(h("h2", {}, "Candidates"));
  ctx.table(box, {
    topic: "risk-groups", key: "risk-groups", caption: "Candidates: how each live group stands with the risk engine",
    empty: "No live group: nothing can lose. The first alert that opens one shows here.",
    columns: [
      {key: "pair", title: "Pair", make: (cell, row, id, td) => pair(row, td)},
      {key: "percent", title: "PnL % at bid/ask", num: true, hint: `of what is invested in the group; ${AT}`},
      {key: "amount", title: "PnL at bid/ask", num: true, hint: AT},
      {key: "pyramids", title: "Pyramids", num: true, hint: "it has, of those that are needed"},
      {key: "timer", title: "Timer", num: true, hint: "time left to recover", make: timer},
      {key: "age", title: "Age", num: true, make: age},
      {key: "stands", title: "Stands", make: badge},
      {key: "obstacles", title: "In the way", make: (cell, row, id, td) => { td.className = "wrap"; put(td, cell); if (td.title !== row.meaning) td.title = row.meaning; }},
      {key: "acts", title: "Actions", make: (cell, row, id, td) => actions(td, row, id, ctx, plan)},
    ],
  });
}

/** Groups with a profit, the richest first. */
export function mountOffers(box, {follow}) {
  const list = grid("Available offsets", [["name", "Pair", "head"], ["profit", "Profit at bid/ask", "num"], ["percent", "%", "num"], ["pays", "Would pay"]]);
  const empty = h("p.empty", {hidden: true}, "No group has a profit now, so no loser can be paid for.");
  box.append(h("h2", {}, "Available offsets"), h("p.dim", {}, "Groups with a profit, before the fee of selling. They pay for a loser of the same quote currency."), list.element, empty);
  follow("risk-offers", (topic) => {
    box.classList.toggle("stale", !!topic.stale);
    empty.hidden = topic.order.length > 0; list.element.hidden = !empty.hidden;
    list.fill(topic.order.map((id) => [id, {...topic.rows.get(id), name: nameOf(topic.rows.get(id))}]));
  });
}

export const nameOf = (row) => `${textOf(row.pair)} ${textOf(row.timeframe)} ${textOf(row.side)}`;

export function pair(row, td) {
  const text = `${textOf(row.pair)} ${textOf(row.timeframe)}`;
  if (td.firstChild?.textContent !== text) td.replaceChildren(h("b", {}, text), h("span.dim", {}, ` ${textOf(row.side)}`));
  if (td.title !== row.account) td.title = row.account;
}

export function badge(cell, row, id, td) {
  if (!td.firstChild) td.append(h("span.badge"));
  put(td.firstChild, cell);
}

function timer(cell, row, id, td) {
  if (row.expire) { delete td.dataset.tone; count(td, {until: row.expire, over: "over"}); return; }
  delete td.dataset.counts; td.title = "";
  put(td, cell);
}

function age(cell, row, id, td) {
  count(td, {since: cell?.[2] || ""});
  if (row.filter) td.title = row.filter;
}

function actions(td, row, id, {may, press, ask}, plan) {
  const name = `${textOf(row.pair)} ${textOf(row.timeframe)}`;
  if (!td.firstChild) {
    td.className = "acts";
    const show = button("Plan", {title: `What closing ${name} would take`, press: () => plan.choose(id)});
    const skip = button("Skip once", {press: (made) => press("risk-skip", {group: id}, {button: made})});
    const block = button("Block", {press: async (made) => {
      if (made.dataset.blocked) return press("risk-unblock", {group: id}, {button: made});
      const reason = await askWhy(ask, {title: `Block ${name} from the risk engine?`, body: "It is neither loser nor winner until it is unblocked. Its own targets, stops and exits work on.", yes: "Block", label: "Why, for the record (may be empty)"});
      if (reason !== null) await press("risk-block", {group: id, reason}, {button: made});
    }});
    for (const [made, what] of [[show, "Plan for"], [skip, "Skip once:"], [block, "Block"]]) made.setAttribute("aria-label", `${what} ${name}`);
    td.append(show, skip, block);
  }
  const [, skip, block] = td.children;
  allow(skip, !may("risk-skip") ? LESS : row.skipped ? "it is passed over already" : row.blocked ? "it is blocked: it is not taken anyway" : "", "Leave it out the next time it would be taken, once; until then it pays for nobody either");
  allow(block, may(row.blocked ? "risk-unblock" : "risk-block") ? "" : LESS, row.blocked ? "Let it take part in offsets again" : "Keep it out of offsets until it is unblocked");
  const label = row.blocked ? "Unblock" : "Block";
  if (block.textContent !== label) { block.textContent = label; block.dataset.blocked = row.blocked || ""; block.setAttribute("aria-label", `${label} ${name}`); }
}
