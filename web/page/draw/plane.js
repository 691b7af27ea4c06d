// The plane of two inputs: the field of a network's output or of one of its units, its line, and the data over it.

import { css, mix } from './colours.js';
import { contour } from './field.js';

/** @typedef {import('./colours.js').Palette} Palette */
/** @typedef {{ x: [number, number], y: [number, number] }} Window */

/**
 * The image of a grid over a whole canvas, and the line at a level.
 * @param {CanvasRenderingContext2D} context @param {CanvasImageSource | null} image
 * @param {{ value: (cell: number) => number, width: number, height: number, level: number }[]} lines
 * @param {Palette} colours
 */
export function drawField(context, image, lines, colours) {
  const { width, height } = context.canvas;
  context.fillStyle = css(colours.neutral);
  context.fillRect(0, 0, width, height);
  if (image) {
    context.imageSmoothingEnabled = true;
    context.drawImage(image, 0, 0, width, height);
  }
  context.strokeStyle = colours.ink;
  context.lineWidth = Math.max(1, width / 260);
  context.beginPath();
  for (const line of lines) {
    const [across, up] = [width / line.width, height / line.height];
    const ends = contour(line.value, line.width, line.height, line.level);
    for (let at = 0; at < ends.length; at += 4) {
      context.moveTo(ends[at] * across, height - ends[at + 1] * up);
      context.lineTo(ends[at + 2] * across, height - ends[at + 3] * up);
    }
  }
  context.stroke();
}

/** @param {Window} window @param {number} width @param {number} height */
export const toPixels = (window, width, height) => (/** @type {number} */ x, /** @type {number} */ y) => [
  ((x - window.x[0]) / (window.x[1] - window.x[0])) * width,
  height - ((y - window.y[0]) / (window.y[1] - window.y[0])) * height,
];

/** @param {Window} window @param {number} width @param {number} height */
export const fromPixels = (window, width, height) => (/** @type {number} */ left, /** @type {number} */ top) => ({
  x: window.x[0] + (left / width) * (window.x[1] - window.x[0]),
  y: window.y[0] + ((height - top) / height) * (window.y[1] - window.y[0]),
});

/**
 * Adds the mark of a class to a path: a circle, a square, a triangle, a diamond.
 * @param {CanvasRenderingContext2D | Path2D} path
 * @param {number} kind
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
export function mark(path, kind, x, y, size) {
  switch (kind % 4) {
    case 0:
      path.moveTo(x + size, y);
      path.arc(x, y, size, 0, 2 * Math.PI);
      break;
    case 1: {
      const half = size * 0.88;
      path.rect(x - half, y - half, 2 * half, 2 * half);
      break;
    }
    case 2:
      path.moveTo(x, y - size * 1.2);
      path.lineTo(x + size * 1.1, y + size * 0.8);
      path.lineTo(x - size * 1.1, y + size * 0.8);
      path.closePath();
      break;
    default:
      path.moveTo(x, y - size * 1.3);
      path.lineTo(x + size * 1.3, y);
      path.lineTo(x, y + size * 1.3);
      path.lineTo(x - size * 1.3, y);
      path.closePath();
  }
}

/**
 * Rows as marks; those for validation are hollow.
 * @param {CanvasRenderingContext2D} context
 * @param {{ at: (row: number) => number[], rows: number, classes: number[] | null, targets: Float32Array, training: Uint8Array, range: [number, number] }} data
 * @param {Palette} colours @param {number} scale pixels per CSS pixel
 */
export function drawRows(context, data, colours, scale) {
  const size = (data.rows > 800 ? 2.2 : data.rows > 150 ? 3.1 : data.rows > 20 ? 4.2 : 6.5) * scale;
  /** @type {Map<string, { path: Path2D, fill: string, hollow: boolean }>} */
  const batches = new Map();
  for (let row = 0; row < data.rows; row++) {
    const [x, y] = data.at(row);
    const kind = data.classes ? data.classes[row] : 0;
    const rgb = data.classes
      ? colours.classes[kind % colours.classes.length]
      : shade((data.targets[row] - data.range[0]) / (data.range[1] - data.range[0]), colours);
    const hollow = !data.training[row];
    const key = `${kind} ${rgb} ${hollow}`;
    let batch = batches.get(key);
    if (!batch) batches.set(key, (batch = { path: new Path2D(), fill: css(rgb), hollow }));
    mark(batch.path, kind, x, y, size);
  }
  for (const { path, fill, hollow } of batches.values()) {
    context.lineWidth = (hollow ? 3.2 : 1) * scale;
    context.strokeStyle = data.classes ? colours.background : colours.soft;
    context.stroke(path);
    if (hollow) {
      context.lineWidth = 1.6 * scale;
      context.strokeStyle = fill;
      context.stroke(path);
    } else {
      context.fillStyle = fill;
      context.fill(path);
    }
  }
}

/**
 * A number from 0 to 1 as one of a few colours, so that marks of one colour are drawn together.
 * @param {number} share
 * @param {Palette} colours
 */
function shade(share, colours) {
  const along = Math.round(Math.min(1, Math.max(0, share)) * 16) / 8 - 1;
  return mix(colours.neutral, along < 0 ? colours.negative : colours.positive, Math.abs(along));
}

/**
 * The cross that the keyboard moves.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {Palette} colours
 * @param {number} scale
 */
export function drawCross(context, x, y, colours, scale) {
  for (const [width, style] of /** @type {[number, string][]} */ ([
    [4, colours.background],
    [1.5, colours.ink],
  ])) {
    context.lineWidth = width * scale;
    context.strokeStyle = style;
    context.beginPath();
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]) {
      context.moveTo(x + 5 * dx * scale, y + 5 * dy * scale);
      context.lineTo(x + 14 * dx * scale, y + 14 * dy * scale);
    }
    context.stroke();
  }
}
