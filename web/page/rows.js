// Rows that the page hands to the library: points drawn by hand become the table that they would be in a file.

import { CLASS_NAMES } from './draw/colours.js';

/** @typedef {import('./store.js').Point} Point */

/** Two classes are 0 and 1, which one sigmoid output tells apart; more have names. @param {Point[]} points */
export function pointsToCsv(points) {
  const two = points.every(point => point.c < 2);
  const lines = points.map(({ x, y, c }) => `${Number(x.toFixed(3))},${Number(y.toFixed(3))},${two ? c : CLASS_NAMES[c]}`);
  return `x,y,class\n${lines.join('\n')}\n`;
}

/** What `start` takes besides settings. @param {import('./store.js').Source} source */
export function rowsOf(source) {
  if (source.kind === 'points') return { csv: pointsToCsv(source.points) };
  if (source.kind === 'csv') return { csv: source.text };
  return undefined;
}

/** The file that a configuration names for these rows. @param {import('./store.js').Source} source */
export const fileOf = source => (source.kind === 'points' ? 'points.csv' : source.kind === 'csv' ? 'table.csv' : undefined);

/**
 * Which colour each class of the library has: that of its place, but points drawn by hand keep the one they were drawn in,
 * however the library orders their names.
 * @param {any} info @param {import('./store.js').Source} source @returns {number[]}
 */
export function coloursOf(info, source) {
  const names = /** @type {string[]} */ (info.classes ?? []);
  if (source.kind !== 'points') return names.map((_, at) => at);
  return names.map((name, at) => (CLASS_NAMES.includes(name) ? CLASS_NAMES.indexOf(name) : Number(name) || at));
}

/**
 * The class of each row, or null where targets are numbers.
 * @param {any} data
 * @param {any} info
 * @returns {number[] | null}
 */
export function classesOf(data, info) {
  if (data.labels) return Array.from(data.labels);
  const outputs = data.rows ? data.targets.length / data.rows : 1;
  if (outputs > 1) {
    if (!info.classes) return null;
    return Array.from({ length: data.rows }, (_, row) => {
      let best = 0;
      for (let at = 1; at < outputs; at++) {
        if (data.targets[row * outputs + at] > data.targets[row * outputs + best]) best = at;
      }
      return best;
    });
  }
  const targets = Array.from(data.targets);
  return targets.every(target => target === 0 || target === 1) ? /** @type {number[]} */ (targets) : null;
}
