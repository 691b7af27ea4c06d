// One step in numbers: every matrix of the next step, its shape, formula and kernel, and beside a gradient the reference and
// central differences.

import { byId, fill, h, setText } from '../dom.js';
import { grouped, short } from '../numbers.js';

/** The corner that is shown of a larger matrix. */
const ROWS = 12;
const COLUMNS = 8;

/**
 * @param {import('../main.js').Page} page
 * @param {{ current: () => string, onchange: (listener: (panel: string) => void) => void }} tabs
 */
export function explainView({ store, session, actions }, tabs) {
  const body = h('div', { class: 'stages' });
  const state = h('p', { class: 'reading', role: 'status' });
  const step = h('button', { type: 'button', onclick: () => actions.step() }, 'Make this step');
  const compare = h('input', { type: 'checkbox', id: 'explain-compare', checked: true, onchange: () => show(last) });
  /** @type {any} */
  let last = null;
  let made = '';
  let at = 1; // the step that is shown

  /** Only what is looked at is computed, and only at rest: sixty of these a second nobody can read. */
  async function refresh() {
    const { phase, progress, info } = store.state;
    if (tabs.current() !== 'panel-explain' || !info) return;
    if (phase === 'running') return setText(state, 'Pause to see the next step in numbers.');
    const now = `${store.state.command} ${JSON.stringify(store.state.settings)} ${progress?.step ?? 0} ${JSON.stringify(store.state.source)}`;
    if (now === made) return setText(state, '');
    made = now;
    at = (progress?.step ?? 0) + 1;
    setText(state, 'Computing the step.');
    try {
      last = await session.explain();
      show(last);
      setText(state, '');
    } catch (/** @type {any} */ error) {
      fill(body);
      setText(state, `There is no view of this step: ${error.message}`);
    }
  }

  /** @param {any[] | null} lines */
  function show(lines) {
    if (!lines) return;
    const start = lines.find(line => line.event === 'start');
    const result = lines.find(line => line.event === 'result');
    const stages = lines.filter(line => line.event === 'stage');
    const optimizer = start?.optimizer?.name ?? '';
    fill(
      body,
      start &&
        h(
          'p',
          {},
          `Step ${grouped(at)} on ${start.batch_rows.length} rows; ${optimizer}, rate ${short(start.learning_rate)}; loss before the update ${short(result?.batch_loss ?? null)}. `,
          result &&
            h(
              'strong',
              { class: result.pass ? 'good' : 'bad' },
              result.pass
                ? 'All numbers are within their bounds of the reference.'
                : `Out of bounds: ${result.disagreeing.join(', ')}.`,
            ),
        ),
      ...stages.map(stage =>
        h(
          'details',
          { class: 'stage-numbers', open: true },
          h('summary', {}, stage.title),
          h('p', { class: 'about' }, stage.about),
          h('div', { class: 'matrices' }, ...stage.matrices.map((/** @type {any} */ one) => matrix(one, compare.checked))),
          ...stage.notes.map((/** @type {string} */ note) => h('p', { class: 'note' }, note)),
          stage.updates ? updates(stage.updates) : null,
        ),
      ),
    );
    // Only what has to be scrolled is a stop for Tab.
    for (const box of body.querySelectorAll('.matrices .scroll')) {
      if (box.scrollWidth > box.clientWidth) {
        box.tabIndex = 0;
        box.setAttribute('role', 'region');
      }
    }
  }

  fill(
    byId('panel-explain'),
    h('h2', {}, 'The next step in numbers'),
    h(
      'div',
      { class: 'row' },
      step,
      h(
        'label',
        { class: 'inline', for: 'explain-compare' },
        compare,
        'gradients beside the reference in f64 and central differences',
      ),
    ),
    state,
    body,
  );
  tabs.onchange(refresh);
  store.on(['phase', 'progress', 'info'], refresh);
  store.on(['problem', 'phase'], ({ phase, problem }) => {
    step.disabled = phase === 'running' || phase === 'done' || problem !== null;
  });
}

/** @param {any} one matrix @param {boolean} compared */
function matrix(one, compared) {
  const where = source(one.source);
  const head = h(
    'figcaption',
    {},
    h('b', {}, one.name),
    h('span', { class: 'shape' }, `${one.rows} × ${one.cols}`),
    one.formula ? h('code', {}, `= ${one.formula}`) : null,
    one.meaning ? h('span', {}, one.meaning) : null,
    where ? h('span', { class: 'kernel' }, where) : null,
  );
  const tables = [numbers(one, one.values, one.differences && compared ? 'computed' : '', true)];
  if (one.differences && compared) {
    if (one.reference) tables.push(numbers(one, one.reference, 'reference, f64'));
    tables.push(numbers(one, one.differences, 'differences'));
  }
  const worst = one.reference ? farthest(one) : null;
  const apart = one.differences_within_bounds === false ? '; the differences are out of their bound' : '';
  const verdict =
    worst === null
      ? null
      : h(
          'p',
          { class: one.within_bounds === false ? 'bad' : 'hint' },
          `largest error ${worst.error.toExponential(1)}, bound ${worst.bound.toExponential(1)}${apart}`,
        );
  return h('figure', {}, head, h('div', { class: 'scroll row top', 'aria-label': one.name }, ...tables), verdict);
}

/** Which kernel's buffer the numbers were read from. @param {any} source */
function source(source) {
  if (!source) return '';
  if (source.from === 'kernels') return `by ${source.kernels.join(', ')}`;
  return (
    { reference: 'by the reference, f32', cpu: 'computed on the CPU', buffer: 'out of its buffer' }[
      /** @type {'cpu'} */ (source.from)
    ] ?? ''
  );
}

/** The place with the largest error as a share of its bound. @param {any} one */
function farthest(one) {
  let found = { error: 0, bound: 0, share: -1 };
  for (const [row, values] of one.values.entries()) {
    for (const [column, value] of values.entries()) {
      const bound = one.bounds?.[row]?.[column] ?? 0;
      const error = Math.abs(value - one.reference[row][column]);
      const share = bound ? error / bound : error ? Infinity : 0;
      if (share > found.share) found = { error, bound, share };
    }
  }
  return Number.isFinite(found.error) ? found : null;
}

/**
 * @param {any} one
 * @param {(number | string)[][]} values
 * @param {string} caption
 * @param {boolean} [starred] whether zero slopes get a star
 */
function numbers(one, values, caption, starred = false) {
  const marks = one.marks ?? [];
  const ofUnit = (/** @type {number} */ unit) =>
    marks.find((/** @type {any} */ mark) => mark.unit === unit && mark.row === undefined)?.mark;
  const ofCell = (/** @type {number} */ row, /** @type {number} */ unit) =>
    marks.some((/** @type {any} */ mark) => mark.unit === unit && mark.row === row);
  const rows = values.slice(0, ROWS);
  const cut = values.length > ROWS || one.cols > COLUMNS;
  return h(
    'table',
    { class: 'matrix' },
    h(
      'caption',
      {},
      [caption, cut ? `the first ${Math.min(ROWS, values.length)} × ${Math.min(COLUMNS, one.cols)}` : '']
        .filter(Boolean)
        .join(', '),
    ),
    h(
      'tbody',
      {},
      ...rows.map((row, at) =>
        h(
          'tr',
          {},
          ...row.slice(0, COLUMNS).map((value, unit) => {
            const mark = ofUnit(unit);
            const zero = ofCell(at, unit);
            return h(
              'td',
              {
                class: [mark ? 'marked' : '', zero ? 'zero' : ''].join(' ').trim() || null,
                title: mark ?? (zero ? 'the slope of the activation is 0 here' : null),
              },
              typeof value === 'number' ? short(value, 5) : value,
              zero && starred ? h('sup', {}, '*') : null,
            );
          }),
        ),
      ),
    ),
    marks.some((/** @type {any} */ mark) => mark.row === undefined)
      ? h(
          'tfoot',
          {},
          h('tr', {}, ...Array.from({ length: Math.min(COLUMNS, one.cols) }, (_, unit) => h('td', {}, ofUnit(unit) ?? ''))),
        )
      : null,
  );
}

/** `W1[2][3]`, or `b1[3]`. @param {any} one @param {number} at */
const place = ({ name, rows, cols }, at) =>
  rows > 1 || name.startsWith('W') ? `${name}[${Math.floor(at / cols) + 1}][${(at % cols) + 1}]` : `${name}[${at + 1}]`;

/** What moves each parameter: gradient, decay, earlier gradients. @param {any[]} all */
function updates(all) {
  const rows = all.flatMap(one =>
    one.changes.slice(0, 24).map((/** @type {any} */ change, /** @type {number} */ at) => ({ name: place(one, at), ...change })),
  );
  const parts = /** @type {const} */ (['from_gradient', 'from_decay', 'from_moment']);
  const shown = parts.filter(part => rows.some(row => row[part]));
  return h(
    'details',
    { class: 'behind' },
    h('summary', {}, 'What moves each parameter'),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Changes of the parameters' },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ...['', 'before', 'gradient', ...shown.map(part => part.replace('_', ' ')), 'change', 'after'].map(text =>
              h('th', { scope: 'col' }, text),
            ),
          ),
        ),
        h(
          'tbody',
          {},
          ...rows.map(row =>
            h(
              'tr',
              {},
              h('th', { scope: 'row' }, row.name),
              ...[row.before, row.gradient, ...shown.map(part => row[part]), row.change, row.after].map(value =>
                h('td', {}, short(value, 5)),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}
