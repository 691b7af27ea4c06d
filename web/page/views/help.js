// Keys, and a dialog that lists them.

import { byId, fill, h } from '../dom.js';

const OFF = 'wgrad-keys-off';

/** @param {import('../main.js').Page} page */
export function startHelp({ store, actions }) {
  const dialog = /** @type {HTMLDialogElement} */ (byId('help'));
  const close = h('button', { type: 'button', onclick: () => dialog.close() }, 'Close');
  // Single letters get in the way of speech input, which types them: they can be switched off.
  let isOff = false;
  try {
    isOff = localStorage.getItem(OFF) === '1';
  } catch {
    /* storage is switched off */
  }
  const letters = h('input', {
    type: 'checkbox',
    id: 'keys-on',
    checked: !isOff,
    onchange: () => {
      isOff = !letters.checked;
      try {
        localStorage.setItem(OFF, isOff ? '1' : '0');
      } catch {
        /* as above */
      }
    },
  });
  /** @type {[string, string, string, () => void][]} key, name of the key, what it does, how */
  const keys = [
    ['r', 'R', 'Run or pause', () => actions.run()],
    ['s', 'S', 'One step', () => actions.step()],
    ['R', 'Shift R', 'Restart from the same seed', () => actions.restart()],
    ['n', 'N', 'New seed', () => actions.newSeed()],
    ['l', 'L', 'Log scale of the loss', () => store.set({ logarithmic: !store.state.logarithmic })],
    [
      'o',
      'O',
      'Odds',
      () => {
        byId('tab-odds').click();
        byId('odds-start').focus();
      },
    ],
    ['c', 'C', 'Copy the link', () => byId('copy-link').click()],
    ['?', '?', 'This list', () => dialog.showModal()],
  ];
  const plane = [
    ['Arrows', 'move the cross; with Shift farther'],
    ['1 to 4', 'choose a class'],
    ['Enter', 'add a point there'],
    ['M', 'pick up the nearest point, and put it down'],
    ['Delete', 'remove the nearest point'],
    ['Escape', 'leave the cross'],
  ];
  const list = (/** @type {string[][]} */ rows) =>
    h('dl', { class: 'keys-list' }, ...rows.flatMap(([key, what]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, what)]));
  fill(
    dialog,
    h('h2', { id: 'help-title' }, 'Help'),
    h(
      'p',
      {},
      'Choose data and settings, then Run. Every change starts the run anew from its seed; the same link gives the same run.',
    ),
    h('h3', {}, 'Keys'),
    list(keys.map(([, name, what]) => [name, what])),
    h('label', { class: 'inline', for: 'keys-on' }, letters, 'These keys are on'),
    h('h3', {}, 'With the output picture in focus'),
    list(plane),
    h('h3', {}, 'With the network in focus'),
    list([['Arrows', 'go from unit to unit']]),
    h(
      'p',
      { class: 'hint' },
      'With a pointer: choose a class above the picture and click to add a point; drag one to move it; a right click removes it.',
    ),
    h('div', { class: 'row end' }, close),
  );
  byId('help-button').addEventListener('click', () => dialog.showModal());
  dialog.addEventListener('click', event => {
    if (event.target === dialog) dialog.close();
  });

  addEventListener('keydown', event => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || dialog.open || isOff) return;
    if (target.closest('input:not([type=radio]):not([type=checkbox]), textarea, select')) return;
    const found = keys.find(([key]) => key === event.key);
    if (!found) return;
    event.preventDefault();
    found[3]();
  });
}
