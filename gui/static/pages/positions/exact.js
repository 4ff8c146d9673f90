// Sums of plain decimals, exactly: money is never a float, here neither.

/** total(["1.5", "-0.25", ""]): [units, places], what is empty left out. */
export function total(texts) {
  const known = texts.filter((text) => /^-?\d+(\.\d+)?$/.test(text));
  const places = known.reduce((most, text) => Math.max(most, (text.split(".")[1] || "").length), 0);
  return {units: known.reduce((sum, text) => sum + units(text, places), 0n), places, count: known.length};
}

function units(text, places) {
  const [whole, part = ""] = text.replace("-", "").split(".");
  const value = BigInt(whole + part.padEnd(places, "0"));
  return text.startsWith("-") ? -value : value;
}

/** `12 345.68`, rounded half to even, with the panel's minus sign and thin spaces. */
export function shown({units: value, places}, digits = 2, signed = false) {
  const rounded = round(value, places, digits);
  const text = (rounded < 0n ? -rounded : rounded).toString().padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const sign = rounded < 0n ? "\u2212" : signed && value > 0n ? "+" : "";
  return sign + whole + (digits ? `.${text.slice(text.length - digits)}` : "");
}

function round(value, places, digits) {
  if (digits >= places) return value * 10n ** BigInt(digits - places);
  return divided(value, 10n ** BigInt(places - digits));
}

/** The nearest whole number to value / step, half to even; `step` is above zero. */
function divided(value, step) {
  const negative = value < 0n, size = negative ? -value : value;
  let found = size / step;
  const twice = (size % step) * 2n;
  if (twice > step || (twice === step && found % 2n === 1n)) found += 1n;
  return negative ? -found : found;
}

/** a / b in percent with two places; null of nothing. */
export function percent(a, b) {
  if (!b.units) return null;
  const places = BigInt(b.places - a.places + 4);
  const top = a.units * (places >= 0n ? 10n ** places : 1n), under = b.units * (places < 0n ? 10n ** -places : 1n);
  return {units: under < 0n ? divided(-top, -under) : divided(top, under), places: 2};
}
