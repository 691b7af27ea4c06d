// Values on a grid as images, and the lines between them.

import { mix, word } from './colours.js';

/** @typedef {import('./colours.js').Palette} Palette */
/**
 * @typedef {{ width: number, height: number, x: [number, number], y: [number, number], outputs: Float32Array, layers: Float32Array[] }} Grid
 */

/**
 * Paints one value of each cell through a ramp: `low` is its first colour and `high` its last. Row 0 of a grid is at
 * the bottom, that of an image at the top.
 * @param {ImageData} image @param {Grid} grid @param {Float32Array} values @param {number} of how many values a cell has
 * @param {number} which @param {[number, number]} range @param {Uint32Array} ramp
 */
export function paint(image, grid, values, of, which, [low, high], ramp) {
  const pixels = new Uint32Array(image.data.buffer);
  const { width, height } = image;
  const factor = 256 / (high - low || 1);
  const [across, down] = [grid.width / width, grid.height / height];
  for (let row = 0, at = 0; row < height; row++) {
    const from = Math.floor((height - 1 - row + 0.5) * down) * grid.width;
    for (let column = 0; column < width; column++, at++) {
      const value = (values[(from + Math.floor((column + 0.5) * across)) * of + which] - low) * factor;
      pixels[at] = ramp[value >= 255 ? 255 : value > 0 ? value | 0 : 0];
    }
  }
}

/**
 * Paints the class of the largest output, paler where it is less certain.
 * @param {ImageData} image @param {Grid} grid @param {number[]} kinds the colour of each class @param {Palette} colours
 */
export function paintClasses(image, grid, kinds, colours) {
  const classes = kinds.length;
  const pixels = new Uint32Array(image.data.buffer);
  const shades = kinds.map(kind =>
    Uint32Array.from({ length: 33 }, (_, shade) =>
      word(mix(colours.neutral, colours.classes[kind % colours.classes.length], (0.68 * shade) / 32)),
    ),
  );
  const { width, height } = image;
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      const cell = ((height - 1 - row) * width + column) * classes;
      let best = 0;
      for (let k = 1; k < classes; k++) if (grid.outputs[cell + k] > grid.outputs[cell + best]) best = k;
      const over = (grid.outputs[cell + best] - 1 / classes) / (1 - 1 / classes);
      pixels[at] = shades[best][Math.round(32 * Math.min(1, Math.max(0, over || 0)))];
    }
  }
}

/**
 * The line where values pass a level, by marching squares, as pairs of points in cells from the lower left:
 * x1, y1, x2, y2, ... A cell whose corners cross twice is drawn as two lines that do not meet.
 * @param {(cell: number) => number} value @param {number} width @param {number} height @param {number} level
 * @returns {number[]}
 */
export function contour(value, width, height, level) {
  const lines = [];
  for (let row = 0; row + 1 < height; row++) {
    for (let column = 0; column + 1 < width; column++) {
      const at = row * width + column;
      const [a, b, c, d] = [value(at) - level, value(at + 1) - level, value(at + width + 1) - level, value(at + width) - level];
      const above = Number(a > 0) + Number(b > 0) + Number(c > 0) + Number(d > 0);
      if (above === 0 || above === 4) continue;
      const [x, y] = [column + 0.5, row + 0.5];
      const ends = [];
      if (a > 0 !== b > 0) ends.push(x + a / (a - b), y);
      if (b > 0 !== c > 0) ends.push(x + 1, y + b / (b - c));
      if (c > 0 !== d > 0) ends.push(x + d / (d - c), y + 1);
      if (d > 0 !== a > 0) ends.push(x, y + a / (a - d));
      for (const end of ends) lines.push(end);
    }
  }
  return lines;
}

/**
 * The largest size of one unit's values, for a ramp with 0 in its middle.
 * @param {Float32Array} values
 * @param {number} of
 * @param {number} which
 */
export function reach(values, of, which) {
  let largest = 0;
  for (let at = which; at < values.length; at += of) {
    const size = Math.abs(values[at]);
    if (size > largest) largest = size;
  }
  return largest;
}
