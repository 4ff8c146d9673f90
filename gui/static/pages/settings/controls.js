// Controls by kind of key. Each is {element, set(value), isGroup}; onChange gets texts, flags, lists, maps or null.

export function textControl({h}, {key, id, value, disabled, onChange, isWhole}) {
  const isNumber = isWhole || key.kind === "DECIMAL";
  const input = h(isNumber ? "input.number" : "input.text", {
    id, type: "text", disabled, autocomplete: "off", spellcheck: "false", inputmode: isWhole ? "numeric" : isNumber ? "decimal" : null,
    list: key.kind === "SECRET" ? "settings-vault" : null, placeholder: key.nullable ? "none (null)" : key.kind === "SECRET" ? "vault:NAME, file:PATH, env:NAME" : null,
    oninput: () => onChange(input.value === "" && key.nullable ? null : isNumber ? input.value.trim() : input.value),
  });
  const set = (now) => { input.value = now ?? ""; };
  set(value);
  return {element: input, set};
}

export function flagControl({h}, {id, value, disabled, onChange}) {
  const word = h("span", {"aria-hidden": "true"});
  const input = h("input", {id, type: "checkbox", role: "switch", disabled, onchange: () => { word.textContent = String(input.checked); onChange(input.checked); }});
  const set = (now) => { input.checked = now === true; word.textContent = String(input.checked); };
  set(value);
  return {element: h("span.switch", {}, input, word), set};
}

export function wordControl({h}, {key, id, value, disabled, onChange}) {
  const none = key.nullable ? [h("option", {value: ""}, "none (null)")] : [];
  const input = h("select", {id, disabled, onchange: () => onChange(input.value || null)}, none, (key.allowed || []).map((word) => h("option", {value: word}, word)));
  const set = (now) => { input.value = now ?? ""; };
  set(value);
  return {element: input, set};
}

/** Lists of texts, one a line. */
export function listControl({h}, {key, id, value, disabled, onChange}) {
  const input = h("textarea", {id, disabled, spellcheck: "false", placeholder: key.nullable ? "none (null); one a line" : "empty; one a line", oninput: () => {
    const lines = input.value.split("\n").map((line) => line.trim()).filter(Boolean);
    onChange(lines.length || !key.nullable ? lines : null);
  }});
  const set = (now) => { input.value = (now || []).join("\n"); input.rows = Math.min(Math.max((now || []).length, 1), 6); };
  set(value);
  return {element: input, set};
}

/** YAML on one line, for what is deeper than a table. */
export function rawControl({h}, {key, id, value, disabled, onChange, below = []}) {
  const input = h("textarea.raw", {id, disabled, spellcheck: "false", rows: 2, oninput: () => onChange(input.value)});
  const example = key.example ? `, for example ${key.example}` : below.length ? ` with ${below.map((name) => name.replace("*.", "")).join(", ")}` : "";
  const hint = `YAML on one line${example}`;
  const set = (now) => { input.value = typeof now === "string" ? now : flow(now); input.rows = Math.min(1 + Math.floor(input.value.length / 60), 6); };
  set(value);
  return {element: h("span.wide", {}, input, h("small", {}, hint)), set};
}
export function flow(value) {
  if (value === null || value === undefined) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return /^[A-Za-z_][\w./-]*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value) ? value : JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  return `{${Object.entries(value).map(([name, item]) => `${flow(name)}: ${flow(item)}`).join(", ")}}`;
}

/** Some of a few words, in an order that counts. */
export function orderControl({h}, {key, id, value, disabled, onChange}) {
  let words = [];
  const list = h("ol.order", {}), add = h("select", {id, disabled, "aria-label": `Add to ${key.label}`, onchange: () => { if (add.value) move([...words, add.value]); }});
  const button = (text, said, act, off) => h("button.small", {type: "button", "aria-label": said, title: said, disabled: disabled || off, onclick: act}, text);
  function move(next) { words = next; draw(); onChange([...words]); }
  function draw() {
    const swap = (a, b) => move(words.map((word, index) => (index === a ? words[b] : index === b ? words[a] : word)));
    list.replaceChildren(...words.map((word, index) => h("li", {}, h("span", {}, word), button("↑", `${word} earlier`, () => swap(index, index - 1), index === 0),
      button("↓", `${word} later`, () => swap(index, index + 1), index === words.length - 1), button("×", `Take out ${word}`, () => move(words.filter((_, other) => other !== index))))));
    const rest = key.allowed.filter((word) => !words.includes(word));
    add.replaceChildren(h("option", {value: ""}, rest.length ? "add …" : "all are in"), ...rest.map((word) => h("option", {value: word}, word)));
  }
  const set = (now) => { words = [...(now || [])]; draw(); };
  set(value);
  return {element: h("div", {}, list, add), set, isGroup: true};
}

/** A map from names to texts or decimals as a small table. */
export function mapControl({h}, {key, id, value, disabled, onChange}) {
  const isNumber = !!key.min;
  const body = h("tbody");
  function told() {
    const found = {};
    for (const row of body.rows) { const [name, text] = [...row.querySelectorAll("input")].map((input) => input.value.trim()); if (name) found[name] = text; }
    head.hidden = !body.rows.length;
    onChange(found);
  }
  function row(name = "", text = "") {
    const line = h("tr", {}, h("td", {}, h("input", {type: "text", value: name, disabled, "aria-label": `${key.label}: name`, oninput: told, spellcheck: "false"})),
      h("td", {}, h(isNumber ? "input.number" : "input", {type: "text", value: text, disabled, "aria-label": `${key.label}: value${name ? ` of ${name}` : ""}`, oninput: told, spellcheck: "false", inputmode: isNumber ? "decimal" : null})),
      disabled ? null : h("td", {}, h("button.small", {type: "button", "aria-label": `Take out ${name || "this row"}`, onclick: () => { line.remove(); told(); }}, "×")));
    return line;
  }
  const head = h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "Name"), h("th", {scope: "col"}, key.unit ? `Value, ${key.unit}` : "Value"), disabled ? null : h("th", {scope: "col"}, h("span.visually-hidden", {}, "Take out"))));
  const set = (now) => { body.replaceChildren(...Object.entries(now || {}).map(([name, text]) => row(name, text))); head.hidden = !body.rows.length; };
  set(value);
  const none = disabled && !body.rows.length ? h("span.dim", {}, "empty") : null;
  const add = disabled ? null : h("button", {type: "button", id, onclick: () => { const line = row(); body.append(line); head.hidden = false; line.querySelector("input").focus(); }}, "Add a row");
  const table = h("table.map", {}, h("caption.visually-hidden", {}, key.label), head, body);
  return {element: h("div", {}, table, none, add), set, isGroup: true, hasUnit: true};
}
