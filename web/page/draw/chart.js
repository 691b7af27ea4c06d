// Lines over steps: loss curves.

/** @typedef {import('./colours.js').Palette} Palette */
/** @typedef {{ name: string, colour: string, dotted: boolean, points: { x: number, y: number }[] }} Line */

/** Round numbers within a range, about `count` of them. @param {number} low @param {number} high @param {number} count */
export function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find(factor => factor * power >= rough) ?? 10);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++)
    found.push(Number((at * step).toPrecision(12)));
  return found;
}

/** @param {number} value */
const label = value => {
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(0).replace('e+', 'e');
  return String(Number(value.toPrecision(3)));
};

/**
 * Draws lines with their axes. Returns where a place on the canvas lies along x, for reading values off.
 * @param {CanvasRenderingContext2D} context
 * @param {Line[]} lines
 * @param {{ end: number, logarithmic: boolean, at: number | null }} options
 * @param {Palette} colours @param {number} scale pixels per CSS pixel
 */
export function drawChart(context, lines, { end, logarithmic, at }, colours, scale) {
  const { width, height } = context.canvas;
  context.clearRect(0, 0, width, height);
  const values = lines
    .flatMap(line => line.points.map(point => point.y))
    .filter(y => Number.isFinite(y) && (!logarithmic || y > 0));
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!values.length) [low, high] = logarithmic ? [0.01, 1] : [0, 1];
  if (logarithmic) {
    low = Math.max(low, high * 1e-12);
    if (high / low < 2) {
      high *= 1.4;
      low /= 1.4;
    }
  } else {
    low = Math.min(0, low);
    high += (high - low) * 0.05 || 1;
  }
  const [left, right, top, bottom] = [44 * scale, width - 10 * scale, 8 * scale, height - 20 * scale];
  const up = (/** @type {number} */ y) => (logarithmic ? Math.log(y / low) / Math.log(high / low) : (y - low) / (high - low));
  const toX = (/** @type {number} */ x) => left + (x / end) * (right - left);
  const toY = (/** @type {number} */ y) => bottom - Math.min(1, Math.max(0, up(y))) * (bottom - top);

  context.font = `${11 * scale}px system-ui, sans-serif`;
  context.fillStyle = colours.soft;
  context.strokeStyle = colours.line;
  context.lineWidth = scale;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  const powers = logarithmic
    ? ticks(Math.log10(low), Math.log10(high), 4)
        .filter(Number.isInteger)
        .map(power => 10 ** power)
    : [];
  const levels = powers.length > 1 ? powers : ticks(low, high, 4).filter(level => !logarithmic || level > 0);
  context.beginPath();
  for (const level of levels) {
    const y = Math.round(toY(level)) + 0.5;
    context.moveTo(left, y);
    context.lineTo(right, y);
    context.fillText(label(level), left - 5 * scale, y);
  }
  context.stroke();
  context.textBaseline = 'top';
  for (const x of ticks(0, end, 4)) {
    context.textAlign = x === 0 ? 'left' : x > end * 0.95 ? 'right' : 'center';
    context.fillText(label(x), toX(x), bottom + 5 * scale);
  }

  context.save();
  context.beginPath();
  context.rect(left, top - 4 * scale, right - left + 2 * scale, bottom - top + 8 * scale);
  context.clip();
  context.lineJoin = 'round';
  for (const line of lines) {
    context.strokeStyle = line.colour;
    context.lineWidth = 1.8 * scale;
    context.setLineDash(line.dotted ? [2 * scale, 4 * scale] : []);
    context.lineCap = line.dotted ? 'round' : 'butt';
    context.beginPath();
    let drawing = false;
    for (const { x, y } of line.points) {
      const shown = Number.isFinite(y) && (!logarithmic || y > 0);
      if (shown) context[drawing ? 'lineTo' : 'moveTo'](toX(x), toY(y));
      drawing = shown;
    }
    context.stroke();
  }
  context.setLineDash([]);
  if (at !== null) {
    context.strokeStyle = colours.soft;
    context.lineWidth = scale;
    context.beginPath();
    context.moveTo(toX(at), top);
    context.lineTo(toX(at), bottom);
    context.stroke();
  }
  context.restore();
  return (/** @type {number} */ x) => Math.min(end, Math.max(0, ((x * scale - left) / (right - left)) * end));
}
