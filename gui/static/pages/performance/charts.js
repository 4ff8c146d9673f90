// Equity with its drawdown, profit by period, returns, pairs by timeframe.
import {h, sortOf, textOf} from "../../dom.js";
import {chart, rowsOf} from "./chart.js";

const value = (cell) => Number(sortOf(cell));
const time = (ms) => new Date(Number(ms));

export function curve() {
  return chart({
    key: "equity", title: "Equity and drawdown", height: 340,
    draw(topic, now, colours) {
      const points = rowsOf(topic, "point");
      if (points.length < 2) return {empty: "Equity is drawn from the second measurement on; the engine takes one every few minutes."};
      const x = points.map((one) => time(one.ms));
      const line = (key, name, color, dash) => ({type: "scatter", mode: "lines", name, x, y: points.map((one) => (one[key] === "" ? null : Number(one[key]))), line: {color, width: 1.75, dash}, hovertemplate: `%{y:,.2f} ${now.currency}<extra>${name}</extra>`});
      return {
        data: [line("total", "with unrealised", colours.accent, "solid"), line("realized", "realised", colours.dim, "dot"), {type: "scatter", mode: "lines", name: "drawdown", x, y: points.map((one) => -Math.abs(Number(one.drawdown || 0))), yaxis: "y2", fill: "tozeroy", line: {color: colours.loss, width: 1}, hovertemplate: "%{y:.2f} %<extra>drawdown</extra>"}],
        layout: {hovermode: "x unified", showlegend: true, legend: {orientation: "h", y: 1.08, x: 0}, margin: {l: 64, r: 12, t: 24, b: 32}, xaxis: {anchor: "y2"}, yaxis: {domain: [0.32, 1], title: {text: now.currency}, tickformat: ",~f"}, yaxis2: {domain: [0, 0.24], title: {text: "%"}, rangemode: "tozero"}},
      };
    },
    table: (topic) => ({columns: ["Time", "Realised", "With unrealised", "Drawdown %"], rows: rowsOf(topic, "point").map((one) => [time(one.ms).toISOString(), one.realized, one.total, one.drawdown])}),
    say(topic, now) {
      const points = rowsOf(topic, "point"), first = points[0], last = points.at(-1);
      return `Equity from ${time(first.ms).toLocaleDateString()} to ${time(last.ms).toLocaleDateString()}: from ${first.total} to ${last.total} ${now.currency}; deepest drawdown ${textOf(now.max_drawdown)}. ${now.curve_basis}`;
    },
  });
}

export function periods(context, asked) {
  const buttons = [["DAY", "Days"], ["WEEK", "Weeks"], ["MONTH", "Months"]].map(([key, label]) => h("button", {type: "button", dataset: {key}, onclick: () => { asked.set("period", key); mark(); }}, label));
  const mark = () => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.key === asked.get("period"))));
  mark();
  return chart({
    key: "profit-by-period", title: "Realised profit over time", controls: h("div.segments", {role: "group", "aria-label": "Period"}, buttons),
    draw(topic, now, colours) {
      const rows = rowsOf(topic, "period");
      if (!rows.length) return {empty: "Nothing was closed in this range."};
      return {data: [{type: "bar", x: rows.map((one) => one.name), y: rows.map((one) => value(one.realized)), marker: {color: rows.map((one) => (value(one.realized) < 0 ? colours.loss : colours.gain))}, text: rows.length <= 16 ? rows.map((one) => textOf(one.realized).split("\u202f" + now.currency)[0]) : null, textposition: "outside", cliponaxis: false, hovertemplate: `%{x}: %{y:,.2f} ${now.currency}<extra></extra>`}], layout: {xaxis: {type: "category"}, yaxis: {title: {text: now.currency}, zeroline: true, tickformat: ",~f"}, margin: {l: 64, r: 12, t: 20, b: 40}}};
    },
    table: (topic) => ({columns: ["Period", "Realised", "Fees", "Trades"], rows: rowsOf(topic, "period").map((one) => [one.name, one.realized, one.fees, one.trades])}),
    say: (topic, now) => `Realised profit by period in ${now.currency}: ${rowsOf(topic, "period").slice(-12).map((one) => `${one.name} ${textOf(one.realized)}`).join(", ")}.`,
  });
}

export function returns() {
  return chart({
    key: "returns", title: "Returns of the trades", height: 230,
    draw(topic, now, colours) {
      const rows = rowsOf(topic, "bucket");
      if (!rows.length) return {empty: "Returns are shown once a group has closed."};
      return {data: [{type: "bar", x: rows.map((one) => one.name.replace("\u202f%", "")), y: rows.map((one) => value(one.trades)), marker: {color: rows.map((one) => (one.sign === "loss" ? colours.loss : colours.gain))}, hovertemplate: "%{x} %: %{y} trades<extra></extra>"}], layout: {bargap: 0.05, xaxis: {type: "category", title: {text: "return in percent of what was invested"}}, yaxis: {title: {text: "trades"}, rangemode: "tozero", tickformat: "d", dtick: rows.some((one) => value(one.trades) > 8) ? null : 1}, margin: {l: 56, r: 12, t: 8, b: 56}}};
    },
    table: (topic) => ({columns: ["Return", "Trades"], rows: rowsOf(topic, "bucket").map((one) => [one.name, one.trades])}),
    say: (topic) => `How many trades brought which return: ${rowsOf(topic, "bucket").filter((one) => value(one.trades)).map((one) => `${one.name}: ${textOf(one.trades)}`).join("; ")}.`,
  });
}

export function heat() {
  return chart({
    key: "pairs-by-timeframe", title: "Pairs by timeframe", height: 260,
    draw(topic, now, colours) {
      const rows = rowsOf(topic, "heat");
      if (!rows.length) return {empty: "Pairs are shown once a group has closed."};
      const pairs = [...new Set(rows.map((one) => one.symbol))].sort().reverse(), frames = [...new Set(rows.map((one) => one.timeframe))].sort((a, b) => minutes(a) - minutes(b));
      const at = new Map(rows.map((one) => [`${one.symbol} ${one.timeframe}`, one])), cell = (pair, frame) => at.get(`${pair} ${frame}`);
      const most = Math.max(...rows.map((one) => Math.abs(value(one.realized))), 0.01);
      return {data: [{type: "heatmap", x: frames, y: pairs, z: pairs.map((pair) => frames.map((frame) => (cell(pair, frame) ? value(cell(pair, frame).realized) : null))), text: pairs.map((pair) => frames.map((frame) => (cell(pair, frame) ? textOf(cell(pair, frame).realized).replace(`\u202f${now.currency}`, "") : ""))), texttemplate: "%{text}", zmin: -most, zmax: most, xgap: 2, ygap: 2, showscale: false, hoverongaps: false, colorscale: [[0, mixed(colours.loss, colours.raised)], [0.5, colours.raised], [1, mixed(colours.gain, colours.raised)]], textfont: {color: colours.text}, hovertemplate: `%{y} %{x}: %{z:,.2f} ${now.currency}<extra></extra>`}], layout: {xaxis: {type: "category", side: "top"}, yaxis: {type: "category"}, margin: {l: 90, r: 12, t: 32, b: 8}}};
    },
    table: (topic) => ({columns: ["Pair", "Timeframe", "Realised", "Trades"], rows: rowsOf(topic, "heat").map((one) => [one.symbol, one.timeframe, one.realized, one.trades])}),
    say: (topic) => `Realised profit by pair and timeframe: ${rowsOf(topic, "heat").map((one) => `${one.symbol} ${one.timeframe} ${textOf(one.realized)}`).join(", ")}.`,
  });
}
const UNITS = {s: 1 / 60, m: 1, h: 60, d: 1440, w: 10080, M: 43200};
const minutes = (frame) => { const found = /^(\d+)([smhdwM])$/.exec(frame); return found ? Number(found[1]) * UNITS[found[2]] : 0; };
/** Half of one colour and half of the other: text stays readable on it. */
function mixed(a, b) {
  const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)), [x, y] = [parts(a), parts(b)];
  return `rgb(${x.map((one, at) => Math.round(one * 0.45 + y[at] * 0.55)).join(",")})`;
}
