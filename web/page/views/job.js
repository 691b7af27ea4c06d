// Many starts that take a while: the buttons, the progress, and what became of them.

import { h, setText } from '../dom.js';
import { grouped } from '../numbers.js';
import { rowsOf } from '../rows.js';

/**
 * @param {import('../main.js').Page} page
 * @param {Record<string, any>} attributes of the button
 * @param {string} label
 */
export function job({ store, session, actions }, attributes, label) {
  const start = h('button', { type: 'button', class: 'primary', ...attributes }, label);
  const cancel = h('button', { type: 'button', hidden: true }, 'Cancel');
  const bar = h('progress', { max: 1, value: 0, hidden: true, 'aria-label': 'Starts trained' });
  const count = h('p', { class: 'reading' }); // changes with each dispatch, so it isn't read aloud
  const state = h('p', { class: 'reading', role: 'status' });
  let cancelled = false;
  cancel.addEventListener('click', () => {
    cancelled = true;
    setText(state, 'Cancelling.');
  });
  const progress = (/** @type {any} */ { done, total, solved }) => {
    bar.value = done / total;
    const known = solved === undefined ? '' : `, ${grouped(solved)} of them solved`;
    setText(count, `${grouped(done)} of ${grouped(total)} starts done${known}.`);
  };

  /**
   * Computes with the settings as they are now; `done` takes what came of it and gives a sentence about it.
   * @param {string} said meanwhile
   * @param {(given: { device: any, settings: Record<string, string>, rows: any }, progress: any, cancelled: () => boolean) => Promise<any>} compute
   * @param {(found: any, cancelled: boolean) => string} done
   */
  async function run(said, compute, done) {
    const { settings, source, device, phase } = store.state;
    if (phase === 'running') actions.run(); // one thing at a time on the device
    cancelled = false;
    start.disabled = true;
    cancel.hidden = bar.hidden = false;
    bar.value = 0;
    setText(state, said);
    try {
      const rows = source.kind === 'named' ? {} : { rows: rowsOf(source) };
      const found = await session.queue(() => compute({ device, settings, rows }, progress, () => cancelled));
      setText(state, done(found, cancelled));
    } catch (/** @type {any} */ error) {
      setText(state, error.message);
    }
    start.disabled = false;
    cancel.hidden = bar.hidden = true;
    setText(count, '');
  }
  return { start, buttons: [start, cancel], below: [bar, count, state], run };
}
