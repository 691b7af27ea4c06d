// Settings in the fragment of the address: `#data=spirals&layers=2,16,16,1&lr=0.3`. What is a default is left out.
// Points drawn by hand are `points=x,y,class;...`, a pasted table is `csv=...`.

/** @typedef {import('./store.js').Source} Source */

/** A link with a longer table than this would be cut by chat programs and mail. */
const LONGEST_TABLE = 6000;
const LONG = 8000;

/** What a fragment needs escaped, and no more: commas and semicolons stay readable. @param {string} text */
const escape = text =>
  encodeURIComponent(text).replace(/%2C/g, ',').replace(/%3B/g, ';').replace(/%3A/g, ':').replace(/%20/g, '+');
/** @param {string} text */
const unescape = text => decodeURIComponent(text.replace(/\+/g, ' '));

/** @param {number} value */
const short = value => String(Number(value.toFixed(3)));

/**
 * @param {Record<string, string>} settings @param {Source} source
 * @returns {{ fragment: string, left: string | null }} `left` says what may be missing at the other end
 */
export function toFragment(settings, source) {
  const parts = Object.entries(settings).map(([key, value]) => `${key}=${escape(value)}`);
  let left = null;
  if (source.kind === 'points') {
    parts.unshift(`points=${source.points.map(({ x, y, c }) => `${short(x)},${short(y)},${c}`).join(';')}`);
  }
  if (source.kind === 'csv') {
    if (source.text.length <= LONGEST_TABLE) parts.unshift(`csv=${escape(source.text)}`);
    else left = 'The link has all settings, but not the table: it is too long for a link. Send the file along.';
  }
  const fragment = parts.join('&');
  if (fragment.length > LONG) left = 'The link is long, since it has all points: some programs cut such links.';
  return { fragment, left };
}

/**
 * @param {string} fragment without the `#`
 * @param {string[]} known the settings there are
 * @returns {{ settings: Record<string, string>, source: Source, unknown: string[] }}
 */
export function fromFragment(fragment, known) {
  /** @type {Record<string, string>} */
  const settings = {};
  /** @type {Source} */
  let source = { kind: 'named' };
  const unknown = [];
  for (const part of fragment.split('&')) {
    if (!part) continue;
    const at = part.indexOf('=');
    const key = at < 0 ? part : part.slice(0, at);
    let value = '';
    try {
      value = unescape(part.slice(at + 1));
    } catch {
      unknown.push(key); // a cut escape such as %2
      continue;
    }
    if (at < 0) unknown.push(key);
    else if (key === 'points') source = { kind: 'points', points: readPoints(value) };
    else if (key === 'csv') source = { kind: 'csv', text: value };
    else if (known.includes(key)) settings[key] = value;
    else unknown.push(key);
  }
  if (source.kind !== 'named') delete settings.data;
  return { settings, source, unknown };
}

/** @param {string} text */
function readPoints(text) {
  return text
    .split(';')
    .map(point => point.split(',').map(Number))
    .filter(point => point.length === 3 && point.every(Number.isFinite))
    .map(([x, y, c]) => ({ x, y, c: Math.min(3, Math.max(0, Math.round(c))) }));
}
