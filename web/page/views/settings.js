// The form of settings, made from the library's table.

import { byId, fill, h } from '../dom.js';
import { TABLE, arrange } from '../arrangement.js';
import { field } from './field.js';

/** @param {import('../main.js').Page} page */
export function settingsView(page) {
  const { schema, store, actions } = page;
  const form = byId('settings-body');
  form.addEventListener('submit', (/** @type {Event} */ event) => event.preventDefault());
  const narrow = matchMedia('(max-width: 760px)').matches;
  const panels = arrange(schema).map(({ title, rows, open }) => {
    const details = h(
      'details',
      { class: 'panel', open: open && !narrow },
      h('summary', {}, title),
      h('div', { class: 'fields' }, ...rows.map(row => field(row, page))),
    );
    // A panel with an error in it opens, and a folded one says that something in it is set.
    store.on(['problem', 'settings'], ({ problem, settings }) => {
      const names = rows.map(row => row.name);
      if (problem && names.includes(problem.setting)) details.open = true;
      details.classList.toggle(
        'given',
        names.some(name => name in settings),
      );
    });
    if (title === TABLE)
      store.on(['source'], ({ source }) => {
        details.hidden = source.kind !== 'csv';
      });
    return details;
  });
  const reset = h('button', { type: 'button', class: 'quiet' }, 'All to defaults');
  reset.addEventListener('click', () => {
    const kept = ['data'];
    actions.set(
      Object.fromEntries(
        Object.keys(store.state.settings)
          .filter(key => !kept.includes(key))
          .map(key => [key, null]),
      ),
    );
  });
  store.on(['settings'], ({ settings }) => {
    reset.hidden = Object.keys(settings).every(key => key === 'data');
  });
  fill(form, ...panels, h('p', { class: 'end' }, reset));
}
