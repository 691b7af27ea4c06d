// Numbers as texts, everywhere the same way.

/** Four significant digits, as short as they go. @param {number | null | undefined} value */
export function short(value, digits = 4) {
  if (value === null || value === undefined) return '–';
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(Math.min(2, digits - 1));
  return String(Number(value.toPrecision(digits)));
}

/** A fixed width for figures that change sixty times a second. @param {number | null | undefined} value */
export function fixed(value, decimals = 4) {
  if (value === null || value === undefined) return '–';
  if (!Number.isFinite(value)) return short(value);
  return Math.abs(value) >= 1e5 ? value.toExponential(2) : value.toFixed(decimals);
}

/** @param {number} count */
export const grouped = count => Math.round(count).toLocaleString('en-US');

/** @param {number | null | undefined} share */
export const percent = (share, decimals = 1) =>
  share === null || share === undefined ? '–' : `${(100 * share).toFixed(decimals)} %`;

/**
 * Points of an axis, as `wgrad sweep` takes them: `0.1,0.5`, `A..B:log:N`, `A..B:lin:N`, `2..8`.
 * @param {string} text @returns {number[]}
 */
export function axis(text) {
  const points = text.split(',').flatMap(part => {
    const range = part.trim().match(/^(\S+?)\.\.([^:\s]+)(?::(log|lin):(\d+))?$/);
    if (!range) return [Number(part.trim() || NaN)];
    const [from, to, count] = [Number(range[1]), Number(range[2]), Number(range[4] ?? 0)];
    if (!range[3]) {
      if (!(to - from < 1000)) return [NaN];
      return Array.from({ length: Math.floor(to - from) + 1 }, (_, at) => from + at);
    }
    return Array.from({ length: count }, (_, at) => {
      const along = count === 1 ? 0 : at / (count - 1);
      const value = range[3] === 'log' ? from * (to / from) ** along : from + (to - from) * along;
      return Number(value.toPrecision(4));
    });
  });
  if (!points.length || points.some(point => !Number.isFinite(point))) {
    throw new Error(`${text || 'nothing'}: give numbers as 0.1,0.5 or 0.01..10:log:9 or 2..8`);
  }
  return points;
}
