// Tables as files, made in the browser.
const plain = (cell) => (Array.isArray(cell) ? (cell.length > 2 ? cell[2] : cell[0]) : cell);
const quoted = (text) => {
  const safe = /^[=+@\t\r\n]|^-(?![\d.]+$)/.test(text) ? `'${text}` : text; // A spreadsheet must not take it for a formula.
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
export const toCsv = (columns, rows) => [columns, ...rows].map((row) => row.map((cell) => quoted(String(plain(cell)))).join(",")).join("\r\n") + "\r\n";

export function download(name, text, type = "text/csv") {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {type}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
