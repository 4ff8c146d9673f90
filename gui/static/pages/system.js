// The machine room: accounts, forwarder, store, parts, what broke; and the emergency close.
import {accounts} from "./system/accounts.js";
import {forwarder} from "./system/forwarder.js";
import {drift, letters} from "./system/broken.js";
import {engine} from "./system/engine.js";
import {emergency} from "./system/emergency.js";

export function mount(root, ctx) {
  const {h} = ctx;
  const top = h("div.cards.wide.machine"), rest = h("div");
  engine(top, ctx);
  forwarder(top, ctx);
  root.append(top);
  accounts(root, ctx);
  root.append(rest);
  drift(rest, ctx);
  letters(rest, ctx);
  emergency(rest, ctx);
}
