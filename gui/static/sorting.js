// What a column is sorted by: plain decimals by value, exactly and never as a float; everything else as text.

const MAX_KNOWN = 20000;
const known = new Map();

/** Decimals before texts; empty last of all. */
export function compare(a, b) {
  const x = decimal(a), y = decimal(b);
  if (x && y) return x.negative !== y.negative ? (x.negative ? -1 : 1) : (x.negative ? -1 : 1) * size(x, y);
  if (x || y) return x ? -1 : 1;
  if (!a || !b) return a ? -1 : b ? 1 : 0;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** As `compare`, downwards where asked; what is empty stays last either way. */
export function comparer(down) {
  return (a, b) => {
    if (!a || !b) return a ? -1 : b ? 1 : 0;
    return down ? -compare(a, b) : compare(a, b);
  };
}

function decimal(text) {
  if (known.has(text)) return known.get(text);
  const found = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text);
  const value = found && /\d/.test(text) ? {negative: found[1] === "-" && /[1-9]/.test(text), whole: found[2], part: found[3] || ""} : null;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(text, value);
  return value;
}

function size(x, y) {
  if (x.whole.length !== y.whole.length) return x.whole.length < y.whole.length ? -1 : 1;
  if (x.whole !== y.whole) return x.whole < y.whole ? -1 : 1;
  return x.part < y.part ? -1 : x.part > y.part ? 1 : 0;
}
