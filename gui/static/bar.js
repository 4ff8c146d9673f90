// The bar: state of the engine, world, what holds it back, how fresh it all is; theme, menu and logout.
import {h, put, textOf, toneOf} from "./dom.js";
import {moment} from "./counting.js";
import * as live from "./live.js";
import {onPace, pace} from "./pace.js";

const WORDS = {WORLD_PAPER: "paper", WORLD_TESTNET: "testnet", WORLD_LIVE: "live"};

export function bar(me, world) {
  buttons();
  const state = document.getElementById("terrace-state");
  const word = h("b.badge.dot"), limit = h("span.badge", {hidden: true}), readOnly = h("span.badge", {hidden: true, title: "No trading command and no change of configuration is taken; of alerts only exits and reduces."});
  const leads = h("span.badge", {hidden: true}), alerts = h("a.badge", {href: "#terrace-alerts", hidden: true, dataset: {tone: "warn"}});
  const why = h("span.why"), stale = h("span.stale-mark", {hidden: true, role: "status"}), told = h("span.visually-hidden", {role: "status"});
  const place = worlds(me.worlds || [], world);
  const rarely = h("a.badge", {href: "/settings#+browser", title: "This browser draws live figures anew only so often: Settings, This browser"});
  const often = (ms) => { rarely.hidden = !ms; rarely.textContent = ms === 1000 ? "drawn every second" : `drawn every ${ms / 1000} s`; };
  often(pace());
  onPace(often);
  state.append(word, place.element, limit, readOnly, leads, alerts, rarely, why, stale, told);
  live.follow("state", (topic) => {
    const now = topic.rows.get("") || {};
    put(word, now.state || "");
    place.show(now);
    badge(limit, now.limit, now.limit_lift); badge(readOnly, now.read_only); badge(leads, toneOf(now.leads) === "warn" ? now.leads : "");
    const count = Number(textOf(now.alerts)) || 0;
    alerts.hidden = !count; alerts.textContent = count === 1 ? "1 notice" : `${count} notices`;
    const reason = textOf(now.state_reason);
    if (why.textContent !== reason) { why.textContent = reason; why.title = reason; }
    const sentence = [textOf(now.state) && `Engine ${textOf(now.state)}`, textOf(now.limit), textOf(now.read_only)].filter(Boolean).join(", ");
    if (told.textContent !== sentence) told.textContent = sentence;
    mark(topic);
  });
  let last = null;
  function mark(topic) {
    last = topic || last;
    const since = !live.link.up ? live.link.since : last?.stale?.since;
    stale.hidden = !since;
    const words = since ? `stale since ${moment(since)}: ${live.link.up ? last.stale.why : "the panel does not answer"}` : "";
    if (stale.textContent !== words) stale.textContent = words;
    word.classList.toggle("stale", !!since);
    document.documentElement.classList.toggle("is-stale", !!since);
  }
  live.link.listeners.add(() => mark(null));
}

function badge(element, cell, title) {
  element.hidden = !textOf(cell);
  put(element, cell || "");
  if (title && element.title !== textOf(title)) element.title = textOf(title);
}

/** One world: its name. Several: a choice; each tab looks at one. */
function worlds(all, current) {
  if (all.length < 2) {
    const name = h("span.badge", {title: "The world this panel shows: paper is simulated money, live is real money."});
    return {element: name, show: (now) => { const cell = textOf(now.world); put(name, [cell, cell === "live" ? "warn" : "info"]); name.hidden = !cell; }};
  }
  const choice = h("select", {"aria-label": "World", title: "The world this tab shows: paper is simulated money, live is real money.", onchange: () => { sessionStorage.setItem("terrace.world", choice.value); location.reload(); }},
    all.map((one) => h("option", {value: one, selected: one === current}, WORDS[one] || one)));
  return {element: choice, show: () => {}};
}

function buttons() {
  const theme = document.getElementById("terrace-theme"), root = document.documentElement;
  const label = () => { const next = root.dataset.theme === "dark" ? "Light" : "Dark"; theme.textContent = next; theme.setAttribute("aria-label", `${next} theme`); };
  label();
  addEventListener("terrace:theme", label);
  theme.addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("terrace.theme", root.dataset.theme);
    dispatchEvent(new Event("terrace:theme"));
  });
  document.getElementById("terrace-logout").addEventListener("click", async () => { await live.post("/logout", {}).catch(() => null); location.assign("/login?why=left"); });
  const bar = document.getElementById("terrace-bar"), menu = document.getElementById("terrace-menu");
  menu.addEventListener("click", () => menu.setAttribute("aria-expanded", String(bar.classList.toggle("is-open"))));
}
