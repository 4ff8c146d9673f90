// Shared by the tabs of a browser: one stream for all of them, since a browser opens few connections to one host.
import {Wire} from "./wire.js";
import {whole} from "./rows.js";

const GONE_MS = 180000; // A tab in the background may be slow to say that it is still there.
const wires = new Map(); // login and world -> {wire, tabs}

onconnect = ({ports: [port]}) => {
  const tab = {port, names: new Set(), group: null, start: null, heard: 0};
  port.onmessage = ({data}) => {
    tab.heard = Date.now();
    if (data.start) { tab.start = data.start; join(tab); }
    else if (data.bye) return leave(tab);
    else if (!tab.group && tab.start) join(tab);
    if (data.want) follow(tab, data.want);
  };
};

function join(tab) {
  const {world, refresh, guard} = tab.start, key = `${guard} ${world}`;
  for (const [other, group] of wires) if (!other.startsWith(`${guard} `)) end(other, group); // Another login took its place.
  let group = wires.get(key);
  if (!group) {
    wires.set(key, (group = {tabs: new Set(), wire: null, key}));
    group.wire = new Wire({world, refresh, guard, tell: (told) => pass(group, told)});
  }
  tab.group = group;
  group.tabs.add(tab);
  tab.port.postMessage({hello: true, link: group.wire.link});
  const names = [...tab.names];
  tab.names.clear();
  follow(tab, names);
}

function follow(tab, names) {
  const before = tab.names;
  tab.names = new Set(names);
  if (!tab.group) return;
  const {wire} = tab.group;
  const known = names.filter((name) => !before.has(name)).map((name) => wire.topics.get(name)).filter((topic) => topic && (topic.version || topic.stale));
  if (known.length) tab.port.postMessage({frames: known.map(whole)});
  want(tab.group);
}

function want(group) { group.wire.want(new Set([...group.tabs].flatMap((tab) => [...tab.names]))); }

function pass(group, told) {
  if (told.ended) return end(group.key, group);
  for (const tab of group.tabs) {
    if (!told.frames) { tab.port.postMessage(told); continue; }
    const frames = told.frames.filter((frame) => tab.names.has(frame.topic));
    if (frames.length) tab.port.postMessage({frames});
  }
}

function leave(tab) {
  const {group} = tab;
  tab.group = null;
  if (!group) return;
  group.tabs.delete(tab);
  if (group.tabs.size) want(group);
  else { wires.delete(group.key); group.wire.stop(); }
}

function end(key, group) {
  wires.delete(key);
  group.wire.stop();
  for (const tab of group.tabs) { tab.group = null; tab.start = null; tab.port.postMessage({ended: true}); }
}

setInterval(() => {
  for (const group of [...wires.values()]) for (const tab of [...group.tabs]) if (Date.now() - tab.heard > GONE_MS) leave(tab);
}, 30000);
