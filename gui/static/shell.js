// Starts a page: who is logged in, the bar, the stream, the page's own script.
import {h, put} from "./dom.js";
import * as live from "./live.js";
import * as dialog from "./dialog.js";
import {table} from "./table.js";
import {bar} from "./bar.js";

const root = document.getElementById("terrace-page");

async function begin() {
  const me = await identity();
  if (!me) return;
  live.setGuard(me.guard);
  const world = chosenWorld(me.worlds);
  bar(me, world);
  live.start({world, refresh_ms: me.refresh_ms});
  const context = {me, world, may: (verb) => me.may.includes(verb), h, put, table, ...live, ...dialog};
  keepLogin();
  if (!me.worlds.length) learnWorlds();
  draw("alerts", async () => (await import("./alerts.js")).mount(document.getElementById("terrace-alerts"), context));
  draw("page", async () => (await import(`./pages/${root.dataset.page}.js`)).mount(root, context));
}

/** Asks again while the panel is not there: a restart of it must not leave an empty page. */
async function identity() {
  for (let wait = 500; ; wait = Math.min(wait * 2, 5000)) {
    try {
      const answer = await fetch("/me", {credentials: "same-origin"});
      if (answer.status === 401) return void toLogin("ended");
      if (answer.ok) return await answer.json();
    } catch { /* The panel is away. */ }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

function toLogin(why) {
  location.assign(`/login?${new URLSearchParams({then: location.pathname + location.search + location.hash, why})}`);
}

/** A login ends when nobody uses it; whoever moves in a page uses it. */
function keepLogin() {
  let told = Date.now();
  const seen = () => { if (Date.now() - told > 60_000) { told = Date.now(); live.post("/seen", {}).catch(() => null); } };
  for (const kind of ["pointerdown", "keydown", "wheel"]) addEventListener(kind, seen, {passive: true});
}

/** The world of this tab: the one chosen in it, else the one closest to real money. */
function chosenWorld(worlds) {
  const saved = sessionStorage.getItem("terrace.world") || "";
  if (!worlds.length) return saved;
  if (worlds.length === 1) return "";
  return worlds.includes(saved) ? saved : worlds[worlds.length - 1];
}

/** The daemon was away when the page opened: once it says that there are several worlds, one of them is chosen. */
async function learnWorlds() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const me = await fetch("/me", {credentials: "same-origin"}).then((answer) => answer.json()).catch(() => ({}));
    if (!me.worlds?.length) continue;
    if (me.worlds.length > 1 && !me.worlds.includes(sessionStorage.getItem("terrace.world"))) location.reload();
    return;
  }
}

/** One part of the page. A fault in it is said in its place and leaves the rest alone. */
async function draw(part, mount) {
  try {
    await mount();
  } catch (error) {
    console.error(error);
    if (part === "page") root.append(h("p.notice", {role: "alert", dataset: {tone: "bad"}}, "This page could not be drawn. The others work. Reload to try again; the browser's console says what happened."));
  }
}

begin();
