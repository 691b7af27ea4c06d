// The rows in the last hidden layer: as they are where it has two units, else on their two main components.

import { drawRows } from './plane.js';

/** @typedef {import('./colours.js').Palette} Palette */

/**
 * @param {CanvasRenderingContext2D} context @param {{ x: Float32Array, y: Float32Array }} hidden
 * @param {{ classes: number[] | null, targets: Float32Array, training: Uint8Array, range: [number, number] }} data
 * @param {Palette} colours @param {number} scale
 */
export function drawHidden(context, hidden, data, colours, scale) {
  const { width, height } = context.canvas;
  context.clearRect(0, 0, width, height);
  const across = spread(hidden.x);
  const up = spread(hidden.y);
  const pad = 16 * scale;
  const toX = (/** @type {number} */ x) => pad + ((x - across[0]) / (across[1] - across[0])) * (width - 2 * pad);
  const toY = (/** @type {number} */ y) => height - pad - ((y - up[0]) / (up[1] - up[0])) * (height - 2 * pad);
  context.strokeStyle = colours.line;
  context.lineWidth = scale;
  context.beginPath();
  if (across[0] <= 0 && across[1] >= 0) {
    context.moveTo(toX(0), 0);
    context.lineTo(toX(0), height);
  }
  if (up[0] <= 0 && up[1] >= 0) {
    context.moveTo(0, toY(0));
    context.lineTo(width, toY(0));
  }
  context.stroke();
  drawRows(context, { ...data, rows: hidden.x.length, at: row => [toX(hidden.x[row]), toY(hidden.y[row])] }, colours, scale);
}

/** Lowest and highest, never equal. @param {Float32Array} values @returns {[number, number]} */
export function spread(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(high > low)) {
    const middle = Number.isFinite(low) ? low : 0;
    return [middle - 1, middle + 1];
  }
  return [low, high];
}
