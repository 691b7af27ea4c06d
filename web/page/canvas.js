// A canvas that is as sharp as the screen and is drawn once a frame at most.

import { h } from './dom.js';

/**
 * @param {(context: CanvasRenderingContext2D, scale: number) => void} draw
 * @param {Record<string, any>} [properties]
 */
export function sharpCanvas(draw, properties = {}) {
  const canvas = /** @type {HTMLCanvasElement} */ (h('canvas', { role: 'img', ...properties }));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  let asked = false;
  const redraw = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (!canvas.isConnected || !canvas.clientWidth) return;
      const scale = Math.min(devicePixelRatio || 1, 2);
      const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
      draw(context, scale);
    });
  };
  new ResizeObserver(redraw).observe(canvas);
  return { canvas, redraw };
}
