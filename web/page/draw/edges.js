// Weights as lines between units: as wide as the weight is large, its sign by colour.

import { css } from './colours.js';

/** @typedef {import('./colours.js').Palette} Palette */
/** @typedef {{ x: number, y: number }} Place the middle of a unit, in CSS pixels */
/** @typedef {{ layer: number, from: number, to: number, weight: number }} Edge */

/**
 * Every line that is drawn: those between units that have a place.
 * @param {(Place | null)[][]} places of the units of each layer, inputs first
 * @param {{ columns: number, weights: Float32Array }[]} layers
 * @returns {Edge[]}
 */
export function edges(places, layers) {
  const found = [];
  for (let layer = 0; layer < layers.length; layer++) {
    const { columns, weights } = layers[layer];
    for (let from = 0; from < places[layer].length; from++) {
      if (!places[layer][from]) continue;
      for (let to = 0; to < columns; to++) {
        if (places[layer + 1]?.[to]) found.push({ layer, from, to, weight: weights[from * columns + to] });
      }
    }
  }
  return found;
}

/** @param {(Place | null)[][]} places @param {Edge} edge @param {number} radius half the width of a unit */
function ends(places, { layer, from, to }, radius) {
  const [a, b] = [/** @type {Place} */ (places[layer][from]), /** @type {Place} */ (places[layer + 1][to])];
  return { x1: a.x + radius, y1: a.y, x2: b.x - radius, y2: b.y };
}

/** A weight of 1 is 2 wide; large ones grow slowly, so that one of 20 does not hide the rest. @param {number} weight */
const wide = weight => Math.min(9, 2 * Math.abs(weight) ** 0.7);

/**
 * @param {CanvasRenderingContext2D} context @param {(Place | null)[][]} places @param {Edge[]} all
 * @param {{ radius: number, scale: number, chosen: (edge: Edge) => boolean, some: boolean }} options `some` where any are chosen: the others fade
 * @param {Palette} colours
 */
export function drawEdges(context, places, all, { radius, scale, chosen, some }, colours) {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  const crowded = Math.min(1, 60 / all.length);
  for (const edge of all) {
    const width = wide(edge.weight);
    const stands = some && chosen(edge);
    if (!(width > 0.06) && !stands) continue;
    const { x1, y1, x2, y2 } = ends(places, edge, radius);
    const bend = (x2 - x1) * 0.45;
    context.strokeStyle = css(
      edge.weight < 0 ? colours.negative : colours.positive,
      stands ? 1 : some ? 0.12 : 0.35 + 0.5 * Math.max(crowded, Math.min(1, width / 3)),
    );
    context.lineWidth = Math.max(stands ? 1.5 : 0.25, width * (0.55 + 0.45 * crowded));
    context.beginPath();
    context.moveTo(x1, y1);
    context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
    context.stroke();
  }
}

/**
 * The line nearest to a place, within some pixels.
 * @param {(Place | null)[][]} places
 * @param {Edge[]} all
 * @param {number} radius
 * @param {number} x
 * @param {number} y
 * @param {number} within
 */
export function nearestEdge(places, all, radius, x, y, within = 7) {
  let best = null;
  let closest = within;
  for (const edge of all) {
    const { x1, y1, x2, y2 } = ends(places, edge, radius);
    if (x < x1 - 2 || x > x2 + 2) continue;
    // The curve's x as a function of t is monotonic: a few halvings find t, and the curve's y there.
    const bend = 0.45 * (x2 - x1);
    let [low, high] = [0, 1];
    for (let halving = 0; halving < 12; halving++) {
      const t = (low + high) / 2;
      const at = 3 * t * (1 - t) * (1 - t) * bend + 3 * t * t * (1 - t) * (x2 - x1 - bend) + t ** 3 * (x2 - x1);
      if (at < x - x1) low = t;
      else high = t;
    }
    const t = (low + high) / 2;
    const distance = Math.abs(y1 + (3 * t * t - 2 * t ** 3) * (y2 - y1) - y);
    if (distance < closest) [closest, best] = [distance, edge];
  }
  return best;
}
