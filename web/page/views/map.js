// The map of learning rate against width: the share of starts that solve the data, in each cell.

import { byId, copy, fill, h, setText } from '../dom.js';
import { heat } from '../draw/colours.js';
import { axis, grouped, percent, short } from '../numbers.js';
import { job } from './job.js';

/** @param {import('../main.js').Page} page */
export function mapView(page) {
  const { wgrad, store, actions, colours } = page;
  const input = (/** @type {string} */ id, /** @type {string} */ value) =>
    h('input', { id, type: 'text', value, spellcheck: 'false', 'aria-describedby': 'map-error' });
  const rates = input('map-rates', '0.01..10:log:13');
  const widths = input('map-widths', '2..8');
  const starts = h(
    'select',
    { id: 'map-starts' },
    ...[64, 256, 1024].map(count => h('option', { value: count }, grouped(count))),
  );
  starts.value = '256';
  const { start, buttons, below, run } = job(page, {}, 'Draw the map');
  const error = h('p', { id: 'map-error', class: 'error', role: 'alert', hidden: true });
  const picture = h('div');
  /** @type {any} */
  let map = null;

  start.addEventListener('click', () => {
    let axes;
    error.hidden = true;
    try {
      axes = { rates: axis(rates.value), widths: axis(widths.value) };
      if (axes.widths.some(width => !(Number.isInteger(width) && width > 0)))
        throw new Error(`${widths.value}: a width is a whole number of units, from 1`);
    } catch (/** @type {any} */ problem) {
      error.hidden = false;
      setText(error, problem.message);
      return;
    }
    const count = Number(starts.value);
    run(
      'Training.',
      ({ device, settings, rows }, progress, cancelled) =>
        wgrad.odds_map(device, settings, { ...axes, starts: count, ...rows }, progress, cancelled),
      (found, cancelled) => {
        map = { ...found, ...axes, starts: count }; // the axes as they were asked for, not as f32
        show();
        return cancelled ? 'Cancelled; the cells without a number were not trained.' : 'Done.';
      },
    );
  });

  // The map is a table: its colours are for the eye, its numbers for everyone. Arrow keys go from cell to cell.
  function show() {
    if (!map) return;
    const palette = colours();
    const reading = h(
      'p',
      { class: 'reading', role: 'status' },
      'Point at, or move to, a cell for its numbers; a click trains one network with them.',
    );
    /** @type {any[][]} */
    const cells = map.widths.map((/** @type {number} */ width, /** @type {number} */ row) =>
      map.rates.map((/** @type {number} */ rate, /** @type {number} */ column) => {
        const { share = null, low, high } = map.cells[row]?.[column] ?? {};
        const look = share === null ? { fill: 'transparent', ink: 'inherit' } : heat(palette, share);
        const tell = () =>
          setText(
            reading,
            share === null
              ? `Rate ${short(rate)}, width ${width}: not trained.`
              : `Rate ${short(rate)}, width ${width}: ${percent(share)} of ${grouped(map.starts)} starts solve it (95 % interval ${percent(low)} to ${percent(high)}).`,
          );
        return h(
          'td',
          {},
          h(
            'button',
            {
              type: 'button',
              style: `background:${look.fill};color:${look.ink}`,
              tabindex: row || column ? -1 : 0,
              'aria-label':
                share === null
                  ? `rate ${short(rate)}, width ${width}: not trained`
                  : `rate ${short(rate)}, width ${width}: ${percent(share)}`,
              onfocus: tell,
              onpointerenter: tell,
              onclick: () => choose(rate, width),
              onkeydown: (/** @type {KeyboardEvent} */ event) => move(event, row, column),
            },
            share === null ? '' : String(Math.round(100 * share)),
          ),
        );
      }),
    );
    const move = (/** @type {KeyboardEvent} */ event, /** @type {number} */ row, /** @type {number} */ column) => {
      const [down, across] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [0, 0];
      const to = cells[row + down]?.[column + across]?.firstElementChild;
      if (!to || (!down && !across)) return;
      event.preventDefault();
      event.currentTarget instanceof HTMLElement && (event.currentTarget.tabIndex = -1);
      to.tabIndex = 0;
      to.focus();
    };
    fill(
      picture,
      h(
        'div',
        { class: 'scroll', role: 'region', 'aria-label': 'Map' },
        h(
          'table',
          { class: 'heat' },
          h(
            'caption',
            {},
            `Solved, in % of ${grouped(map.starts)} starts: learning rate across, units of every hidden layer down`,
          ),
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              h('th', { scope: 'col' }, 'width'),
              ...map.rates.map((/** @type {number} */ rate) => h('th', { scope: 'col' }, short(rate, 3))),
            ),
          ),
          h('tbody', {}, ...cells.map((row, at) => h('tr', {}, h('th', { scope: 'row' }, String(map.widths[at])), ...row))),
        ),
      ),
      reading,
      h(
        'p',
        {},
        h('button', { type: 'button', onclick: (/** @type {any} */ event) => copy(csv(), event.currentTarget) }, 'Copy as CSV'),
      ),
    );
  }
  const csv = () =>
    [
      'width,lr,starts,share',
      ...map.widths.flatMap((/** @type {number} */ width, /** @type {number} */ row) =>
        map.rates.map((/** @type {number} */ rate, /** @type {number} */ column) =>
          [width, rate, map.starts, map.cells[row]?.[column]?.share ?? ''].join(','),
        ),
      ),
    ].join('\n');

  /** @param {number} rate @param {number} width */
  function choose(rate, width) {
    const layers = (store.state.resolved.layers ?? '2,3,1').replace(/[[\]\s]/g, '').split(',');
    actions.set({
      lr: String(rate),
      layers: layers.map((units, at) => (at === 0 || at === layers.length - 1 ? units : String(width))).join(','),
    });
  }

  fill(
    byId('panel-map'),
    h(
      'div',
      { class: 'two narrow-left' },
      h(
        'div',
        {},
        h('h2', {}, 'Which rate, which width?'),
        h('p', {}, 'Many starts for each learning rate and each width of the hidden layers; everything else as set.'),
        h(
          'div',
          { class: 'fields' },
          h('div', { class: 'field' }, h('label', { for: 'map-rates' }, 'Rates'), rates),
          h('div', { class: 'field' }, h('label', { for: 'map-widths' }, 'Widths'), widths),
          h('div', { class: 'field' }, h('label', { for: 'map-starts' }, 'Starts a cell'), starts),
        ),
        h('p', { class: 'hint' }, 'Numbers as 0.1,0.5 or 0.01..10:log:13 or 2..8.'),
        error,
        h('div', { class: 'row' }, ...buttons),
        ...below,
      ),
      picture,
    ),
  );
  store.on(['theme'], show);
}
