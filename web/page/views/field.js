// One setting as a control with its label, its help and the library's error beside it.

import { fill, h, setText } from '../dom.js';
import { labelOf } from '../arrangement.js';

/**
 * @param {any} row of the library's table of settings @param {import('../main.js').Page} page
 * @returns {HTMLElement}
 */
export function field(row, { store, actions }) {
  const id = `set-${row.name}`;
  const help = h(
    'span',
    { id: `${id}-help`, class: 'help', role: 'tooltip' },
    row.help,
    row.default ? h('em', {}, ` Default: ${row.default}.`) : null,
  );
  const error = h('p', { id: `${id}-error`, class: 'error', hidden: true });
  const describedBy = `${id}-help ${id}-error`;
  const control = make(row, { id, name: row.name, 'aria-describedby': describedBy });
  const change = () =>
    actions.set({ [row.name]: row.kind === 'bool' ? (control.checked ? 'true' : null) : control.value.trim() });
  control.addEventListener(row.kind === 'choice' || row.kind === 'bool' ? 'change' : 'input', change);
  const box = h('div', { class: `field ${row.kind}` }, h('label', { for: id }, labelOf(row.name)), control, help, error);
  box.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Escape') box.classList.add('quiet');
  });
  box.addEventListener('focusout', () => box.classList.remove('quiet'));

  store.on(['settings', 'resolved', 'problem', 'source'], ({ settings, resolved, problem }) => {
    const given = settings[row.name] ?? '';
    const inEffect = resolved[row.name] ?? '';
    if (row.kind === 'choice') {
      const first = control.options[0];
      setText(first, inEffect && !given ? `${inEffect} (default)` : 'default');
      control.value = given;
    } else if (row.kind === 'bool') {
      control.checked = given === 'true';
    } else {
      // What is being typed stays as it is typed.
      if (document.activeElement !== control && control.value !== given) control.value = given;
      control.placeholder = shown(inEffect) || (row.default ? shortDefault(row.default) || 'default' : 'none');
    }
    box.classList.toggle('given', given !== '');
    const mine = problem?.setting === row.name;
    error.hidden = !mine;
    setText(error, mine ? (problem?.message ?? '') : '');
    control.setAttribute('aria-invalid', String(mine));
    if (row.of) {
      const { setting, choices } = row.of;
      box.hidden = !mine && !given && !choices.includes(resolved[setting] ?? settings[setting] ?? '');
    }
  });
  return box;
}

/** What f32 made of a number has digits that nobody wrote: 0.030000001. @param {string} text */
const shown = text => (/^-?\d+\.\d{7,}$/.test(text) ? String(Number(Number(text).toPrecision(6))) : text);

/** A default that fits a field; a sentence doesn't. @param {string} text */
const shortDefault = text => (text && text.length < 12 ? text : '');

/** @param {any} row @param {Record<string, string>} properties */
function make(row, properties) {
  if (row.kind === 'choice') {
    const select = h('select', properties);
    fill(
      select,
      h('option', { value: '' }, 'default'),
      ...row.choices.map((/** @type {string} */ choice) => h('option', { value: choice }, choice)),
    );
    return select;
  }
  if (row.kind === 'bool') return h('input', { ...properties, type: 'checkbox' });
  const inputmode = row.kind === 'integer' ? 'numeric' : row.kind === 'number' ? 'decimal' : 'text';
  return h('input', { ...properties, type: 'text', inputmode, spellcheck: 'false', autocapitalize: 'off' });
}
