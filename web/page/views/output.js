// The output picture: the field of the network's output (or of one unit), the line at 0.5, the data, and the pointer's and
// keyboard's ways to add, drag and remove points.

import { byId, fill, h, setText, tableBehind } from '../dom.js';
import { sharpCanvas } from '../canvas.js';
import { css } from '../draw/colours.js';
import { paint, paintClasses, reach } from '../draw/field.js';
import { drawCross, drawField, drawRows, fromPixels, toPixels } from '../draw/plane.js';
import { short } from '../numbers.js';
import { editor } from './editor.js';

/** @param {import('../main.js').Page} page */
export function outputView(page) {
  const { store, session, colours } = page;
  const small = document.createElement('canvas'); // the grid, one pixel a cell
  const soft = /** @type {CanvasRenderingContext2D} */ (small.getContext('2d'));
  /** @type {ImageData | null} */
  let image = null;

  const field = sharpCanvas(
    context => {
      const { grid, data } = session.live;
      const palette = colours();
      if (!grid || !data?.window) return drawField(context, null, [], palette);
      if (!image || image.width !== grid.width) {
        image = new ImageData(grid.width, grid.height);
        [small.width, small.height] = [grid.width, grid.height];
      }
      const { lines } = paintGrid(image, grid, page);
      soft.putImageData(image, 0, 0);
      drawField(context, small, lines, palette);
    },
    { 'aria-label': 'Output over the two inputs' },
  );

  const over = sharpCanvas(
    (context, scale) => {
      const { width, height } = context.canvas;
      context.clearRect(0, 0, width, height);
      const { data } = session.live;
      if (!data?.window) return;
      const place = toPixels(data.window, width, height);
      drawRows(context, { ...data, ...edit.rows(data), at: row => edit.at(row, data, place) }, colours(), scale);
      const cross = edit.cross();
      if (cross) {
        const [x, y] = place(cross.x, cross.y);
        drawCross(context, x, y, colours(), scale);
      }
    },
    { 'aria-hidden': 'true' },
  );
  over.canvas.removeAttribute('role');

  const stage = h(
    'div',
    {
      class: 'plane',
      tabindex: 0,
      role: 'application',
      'aria-label': 'Output over the two inputs, with the data',
      'aria-describedby': 'plane-help',
    },
    field.canvas,
    over.canvas,
  );
  const reading = h('p', { class: 'reading' });
  const edit = editor(page, stage, { redraw: over.redraw, read });
  const none = h('p', { class: 'none', hidden: true });
  const legend = h('div', { class: 'legend' });
  let ranges = ''; // what the axes cover

  /** The output at a place of the plane. @param {number} x @param {number} y */
  function outputsAt(x, y) {
    const { grid } = session.live;
    if (!grid) return null;
    const column = Math.floor(((x - grid.x[0]) / (grid.x[1] - grid.x[0])) * grid.width);
    const row = Math.floor(((y - grid.y[0]) / (grid.y[1] - grid.y[0])) * grid.height);
    if (column < 0 || row < 0 || column >= grid.width || row >= grid.height) return null;
    const of = grid.outputs.length / (grid.width * grid.height);
    return Array.from(grid.outputs.subarray((row * grid.width + column) * of, (row * grid.width + column + 1) * of));
  }

  /** @param {{ x: number, y: number } | null} at */
  function read(at) {
    if (!at) return setText(reading, ranges);
    const outputs = outputsAt(at.x, at.y);
    setText(
      reading,
      outputs ? `At ${short(at.x, 3)}, ${short(at.y, 3)}: output ${outputs.map(value => short(value, 3)).join(', ')}` : '',
    );
  }

  const behind = tableBehind('Output as a table', () => {
    const { data } = session.live;
    if (!data?.window) return { head: ['no picture of this network'], rows: [] };
    const [{ x, y }, n] = [data.window, 9];
    const middle = (/** @type {number[]} */ [low, high], /** @type {number} */ at) => low + ((at + 0.5) / n) * (high - low);
    return {
      caption: 'Output at nine by nine places: first input across, second input upwards',
      head: ['', ...Array.from({ length: n }, (_, at) => short(middle(x, at), 2))],
      rows: Array.from({ length: n }, (_, at) => [
        short(middle(y, n - 1 - at), 2),
        ...Array.from({ length: n }, (_, column) =>
          (outputsAt(middle(x, column), middle(y, n - 1 - at)) ?? []).map(value => short(value, 2)).join(' '),
        ),
      ]),
    };
  });
  const rowsBehind = tableBehind('Rows as a table', () => {
    const { data } = session.live;
    const { info } = store.state;
    if (!data || !info) return { head: [], rows: [] };
    const most = Math.min(data.rows, 200);
    const of = data.targets.length / data.rows;
    return {
      caption: most < data.rows ? `The first ${most} of ${data.rows} rows` : undefined,
      head: ['row', ...info.inputs, 'target', 'for'],
      rows: Array.from({ length: most }, (_, row) => [
        row + 1,
        ...Array.from(data.inputs.subarray(row * data.columns, (row + 1) * data.columns), (/** @type {number} */ value) =>
          short(value),
        ),
        data.classes && info.classes
          ? info.classes[data.colours.indexOf(data.classes[row])]
          : Array.from(data.targets.subarray(row * of, (row + 1) * of), (/** @type {number} */ value) => short(value)).join(' '),
        data.training[row] ? 'training' : 'validation',
      ]),
    };
  });

  fill(
    byId('output-body'),
    edit.tools,
    stage,
    none,
    reading,
    legend,
    h(
      'p',
      { id: 'plane-help', class: 'unseen' },
      'Arrow keys move a cross. Enter adds a point of the chosen class there, M picks up and puts down the nearest point, Delete removes it, 1 to 4 choose a class.',
    ),
    h('div', { class: 'tables' }, behind.element, rowsBehind.element),
  );

  const label = () => {
    const { info, shown } = store.state;
    const { data } = session.live;
    if (!info || !data) return;
    const seen = Boolean(data.window);
    stage.hidden = reading.hidden = legend.hidden = edit.tools.hidden = !seen;
    none.hidden = seen;
    setText(
      none,
      seen
        ? ''
        : `A picture of the output needs two inputs; this data has ${data.columns}. Loss, hidden space and numbers are shown as for any network.`,
    );
    setText(byId('output-title'), shown ? `Layer ${shown.layer}, unit ${shown.unit + 1}` : 'Output');
    if (!seen) return;
    const { x, y } = data.window;
    ranges = `${info.inputs[0] ?? 'x'} across: ${short(x[0], 3)} to ${short(x[1], 3)}; ${info.inputs[1] ?? 'y'} upwards: ${short(y[0], 3)} to ${short(y[1], 3)}`;
    read(null);
    fill(legend, ...legendOf(page));
  };
  const redraw = () => {
    field.redraw();
    over.redraw();
  };
  session.listeners.push(what => {
    field.redraw();
    if (what === 'rows') {
      over.redraw();
      label();
      rowsBehind.refresh();
    }
    if (store.state.phase !== 'running') behind.refresh();
  });
  store.on(['theme'], () => {
    redraw();
    label();
  });
  store.on(['shown'], () => {
    field.redraw();
    label();
  });
  store.on(['source', 'tool'], over.redraw);
  store.on(['phase'], ({ phase, progress }) => {
    if (phase === 'running' || !progress) return;
    field.canvas.setAttribute('aria-label', `Output over the two inputs after step ${progress.step}`);
  });
}

/**
 * Fills the image with what is shown, and says which lines belong on it.
 * @param {ImageData} image @param {any} grid @param {import('../main.js').Page} page
 */
function paintGrid(image, grid, { store, session, colours }) {
  const { shown } = store.state;
  const { data } = session.live;
  const palette = colours();
  const cells = grid.width * grid.height;
  const line = (
    /** @type {Float32Array} */ values,
    /** @type {number} */ of,
    /** @type {number} */ which,
    /** @type {number} */ level,
  ) => ({
    value: (/** @type {number} */ cell) => values[cell * of + which],
    width: grid.width,
    height: grid.height,
    level,
  });
  if (shown && grid.layers[shown.layer - 1]) {
    const values = grid.layers[shown.layer - 1];
    const of = values.length / cells;
    const size = reach(values, of, shown.unit);
    paint(image, grid, values, of, shown.unit, [-size || -1, size || 1], palette.ramp);
    return { lines: [line(values, of, shown.unit, 0)] };
  }
  const of = grid.outputs.length / cells;
  if (of > 1 && data.classes) {
    paintClasses(
      image,
      grid,
      Array.from({ length: of }, (_, at) => data.colours[at] ?? at),
      palette,
    );
    // Where a class begins to be the largest: its output less the largest other one passes 0.
    const ahead = (/** @type {number} */ which) => ({
      value: (/** @type {number} */ cell) => {
        let other = -Infinity;
        for (let k = 0; k < of; k++) if (k !== which && grid.outputs[cell * of + k] > other) other = grid.outputs[cell * of + k];
        return grid.outputs[cell * of + which] - other;
      },
      width: grid.width,
      height: grid.height,
      level: 0,
    });
    return { lines: Array.from({ length: of }, (_, which) => ahead(which)) };
  }
  paint(image, grid, grid.outputs, of, 0, data.range, palette.ramp);
  return { lines: data.classes ? [line(grid.outputs, of, 0, 0.5)] : [] };
}

/** @param {import('../main.js').Page} page */
function legendOf({ store, session, colours }) {
  const { info, shown } = store.state;
  const { data } = session.live;
  const palette = colours();
  if (!data.classes) {
    const [low, high] = data.range;
    return [
      h('span', {
        class: 'ramp',
        style: `background:linear-gradient(90deg,${css(palette.negative)},${css(palette.neutral)},${css(palette.positive)})`,
      }),
      h('span', {}, `${short(low, 3)} to ${short(high, 3)}`),
    ];
  }
  const kinds = [...new Set(data.classes)].sort((/** @type {any} */ a, /** @type {any} */ b) => a - b);
  const marks = ['●', '■', '▲', '◆'];
  const held = info.validation_rows ? [h('span', {}, '○ hollow: validation')] : [];
  return [
    ...kinds.map((/** @type {any} */ c) =>
      h(
        'span',
        {},
        h(
          'span',
          { class: 'swatch', style: `color:${css(palette.classes[c % palette.classes.length])}`, 'aria-hidden': 'true' },
          marks[c % 4],
        ),
        info.classes?.[data.colours.indexOf(c)] ?? String(c),
      ),
    ),
    h('span', {}, shown ? '— at 0' : kinds.length > 2 ? '— where classes meet' : '— at 0.5'),
    ...held,
  ];
}
