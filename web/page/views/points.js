// Points as a table: what the picture shows, for whoever does not use a pointer, with fields to edit.

import { h } from '../dom.js';
import { CLASS_NAMES } from '../draw/colours.js';

/** More rows than this are not edited one by one. */
const MOST = 300;

/** @param {import('../main.js').Page} page */
export function pointTable({ store, actions }) {
  const body = h('tbody');
  const note = h('p', { class: 'hint' });
  const details = h(
    'details',
    { class: 'behind' },
    h('summary', {}, 'Points as a table'),
    h(
      'div',
      { class: 'scroll tall', tabindex: 0, role: 'region', 'aria-label': 'Points as a table' },
      h('table', {}, h('thead', {}, h('tr', {}, ...['x', 'y', 'class', ''].map(text => h('th', { scope: 'col' }, text)))), body),
    ),
    h(
      'button',
      {
        type: 'button',
        onclick: () => {
          const { source } = store.state;
          if (source.kind === 'points') actions.movePoints([...source.points, { x: 0, y: 0, c: 0 }]);
          show();
        },
      },
      'Add a point',
    ),
    note,
  );

  const show = () => {
    const { source } = store.state;
    if (!details.open || source.kind !== 'points' || body.contains(document.activeElement)) return;
    const { points } = source;
    note.textContent = points.length > MOST ? `The first ${MOST} of ${points.length} points.` : '';
    body.replaceChildren(
      ...points.slice(0, MOST).map((point, at) => {
        const change = (/** @type {Partial<typeof point>} */ patch) => {
          const now = store.state.source;
          if (now.kind !== 'points') return;
          actions.movePoints(now.points.map((old, place) => (place === at ? { ...old, ...patch } : old)));
        };
        const number = (/** @type {'x' | 'y'} */ axis) =>
          h('input', {
            type: 'number',
            step: 0.1,
            value: point[axis],
            'aria-label': `${axis} of point ${at + 1}`,
            onchange: (/** @type {any} */ event) => {
              if (Number.isFinite(event.target.valueAsNumber)) change({ [axis]: event.target.valueAsNumber });
            },
          });
        const kind = h(
          'select',
          {
            'aria-label': `class of point ${at + 1}`,
            onchange: (/** @type {any} */ event) => change({ c: Number(event.target.value) }),
          },
          ...CLASS_NAMES.map((name, c) => h('option', { value: c }, name)),
        );
        kind.value = String(point.c);
        const remove = h(
          'button',
          {
            type: 'button',
            'aria-label': `Remove point ${at + 1}`,
            onclick: () => {
              const now = store.state.source;
              if (now.kind !== 'points') return;
              body.replaceChildren();
              actions.movePoints(now.points.filter((_, place) => place !== at));
              show();
            },
          },
          '×',
        );
        return h('tr', {}, h('td', {}, number('x')), h('td', {}, number('y')), h('td', {}, kind), h('td', {}, remove));
      }),
    );
  };
  details.addEventListener('toggle', show);
  store.on(['source'], show);
  return details;
}
