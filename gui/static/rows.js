// What a tab knows of a topic, and how a frame changes it: as `applied` in gui/live/frames.py.

export const fresh = (name) => ({name, rows: new Map(), order: [], version: 0, at: 0, stale: null});

/** Sets what the frame says. The rows are told anew where it says `full`. */
export function apply(topic, frame) {
  if (frame.full) topic.rows = new Map();
  for (const row of frame.gone || []) topic.rows.delete(row);
  for (const [row, cells] of Object.entries(frame.set || {})) topic.rows.set(row, {...topic.rows.get(row), ...cells});
  if (frame.order) topic.order = frame.order;
  if (frame.v) { topic.version = frame.v; topic.at = frame.at; }
  topic.stale = frame.stale || null;
}

/** The frame that tells all of a topic to somebody who knows nothing of it. */
export const whole = (topic) => ({
  topic: topic.name, v: topic.version, at: topic.at, ...(topic.stale ? {stale: topic.stale} : {}),
  ...(topic.version ? {full: true, set: Object.fromEntries(topic.rows), order: topic.order} : {}),
});

/** What has to be drawn after both frames. */
export function merged(before, frame) {
  if (frame.full || before?.full) return {full: true};
  const set = {...before?.set}, gone = [...(before?.gone || []), ...(frame.gone || [])];
  for (const [id, cells] of Object.entries(frame.set || {})) set[id] = {...set[id], ...cells};
  for (const id of frame.gone || []) if (!frame.set?.[id]) delete set[id];
  return {set, gone};
}
