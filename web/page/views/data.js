// Where the rows come from: a data set by name, points drawn by hand, or a pasted table.

import { byId, fill, h, setText } from '../dom.js';
import { OF_DATA } from '../arrangement.js';
import { grouped } from '../numbers.js';
import { field } from './field.js';
import { pointTable } from './points.js';

/** Data sets with a picture of their own; the others the library has stand in a list. */
const CARDS = /** @type {Record<string, string>} */ ({
  xor: '<circle class="a" cx="9" cy="23" r="4"/><circle class="a" cx="23" cy="9" r="4"/><rect class="b" x="5" y="5" width="8" height="8"/><rect class="b" x="19" y="19" width="8" height="8"/>',
  circles: '<circle class="a line" cx="16" cy="16" r="11"/><circle class="b line" cx="16" cy="16" r="5"/>',
  moons: '<path class="a line" d="M4 19a8 8 0 0 1 16 0"/><path class="b line" d="M12 13a8 8 0 0 0 16 0"/>',
  spirals:
    '<path class="a line" d="M16 16c2-4 7-2 6 3s-8 7-13 3-4-15 5-17"/><path class="b line" d="M16 16c-2 4-7 2-6-3s8-7 13-3 4 15-5 17"/>',
});

/** @param {import('../main.js').Page} page */
export function dataView(page) {
  const { schema, store, actions, session } = page;
  const byName = new Map(schema.map(row => [row.name, row]));
  const choices = /** @type {string[]} */ (byName.get('data')?.choices ?? Object.keys(CARDS));
  const others = choices.filter(name => !(name in CARDS));

  const card = (/** @type {string} */ value, /** @type {string} */ name, /** @type {string} */ drawing) => {
    const input = h('input', { type: 'radio', name: 'source', value, id: `data-${value}` });
    const picture = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    picture.setAttribute('viewBox', '0 0 32 32');
    picture.setAttribute('aria-hidden', 'true');
    picture.innerHTML = drawing;
    return { input, element: h('label', { class: 'card', for: `data-${value}` }, input, picture, h('span', {}, name)) };
  };
  const cards = [
    ...Object.keys(CARDS)
      .filter(name => choices.includes(name))
      .map(name => card(name, name === 'xor' ? 'XOR' : name, CARDS[name])),
    card(
      ':points',
      'drawn',
      '<circle class="a" cx="10" cy="20" r="4"/><rect class="b" x="18" y="7" width="8" height="8"/><path class="pen" d="M14 27 26 15l3 3-12 12-4 1z"/>',
    ),
    card(':csv', 'table', '<path class="grid" d="M5 7h22v18H5zM5 13h22M5 19h22M12 7v18M20 7v18"/>'),
  ];
  const list = h(
    'select',
    { id: 'data-other', 'aria-label': 'Other data sets' },
    h('option', { value: '' }, 'other data'),
    ...others.map(name => h('option', { value: name }, name)),
  );
  list.addEventListener('change', () => {
    if (list.value) actions.useData(list.value);
  });

  const csv = h('textarea', {
    id: 'csv',
    rows: 6,
    spellcheck: 'false',
    wrap: 'off',
    placeholder: 'x,y,class\n0.1,0.9,red\n0.8,0.2,blue',
  });
  const file = h('input', { type: 'file', id: 'csv-file', accept: '.csv,.tsv,.txt,text/csv' });
  const use = h('button', { type: 'button' }, 'Use this table');
  const rowsError = h('p', { class: 'error', id: 'rows-error', role: 'alert', hidden: true });
  use.addEventListener('click', () => actions.useRows({ kind: 'csv', text: csv.value }));
  file.addEventListener('change', async () => {
    if (!file.files?.[0]) return;
    csv.value = await file.files[0].text();
    actions.useRows({ kind: 'csv', text: csv.value });
  });
  const csvBox = h(
    'div',
    { class: 'csv', hidden: true },
    h('label', { for: 'csv' }, 'A table with commas, semicolons or tabs; its last column is the target'),
    csv,
    h('div', { class: 'row' }, use, h('label', { class: 'button', for: 'csv-file' }, 'Open a file', file)),
  );

  const points = pointTable(page);
  const clear = h('button', { type: 'button' }, 'Remove all points');
  clear.addEventListener('click', () => actions.movePoints([]));
  const pointBox = h(
    'div',
    { class: 'drawn', hidden: true },
    h(
      'p',
      { class: 'hint' },
      'Choose a class above the output picture, then click into it. Points can be dragged; training goes on while they move.',
    ),
    h('div', { class: 'row' }, clear),
    points,
  );

  for (const { input } of cards) {
    input.addEventListener('change', () => {
      if (input.value === ':csv') {
        csvBox.hidden = false;
        pointBox.hidden = true;
        csv.focus();
      } else if (input.value === ':points') {
        if (actions.toPoints()) store.set({ tool: 'class-0' });
        else {
          actions.useRows({ kind: 'points', points: [] });
          store.set({ tool: 'class-0' });
        }
      } else {
        actions.useData(input.value);
      }
    });
  }

  // Shapes have their number of rows in their names: circles-200.
  const count = h('input', {
    type: 'text',
    inputmode: 'numeric',
    id: 'shape-rows',
    placeholder: 'default',
    spellcheck: 'false',
    'aria-describedby': 'rows-error',
  });
  const countField = h('div', { class: 'field' }, h('label', { for: 'shape-rows' }, 'Rows'), count);
  count.addEventListener('input', () => {
    const [shape] = partsOf(store.state.settings.data ?? '');
    actions.set({ data: count.value.trim() ? `${shape}-${count.value.trim()}` : shape });
  });

  const fields = OF_DATA.map(name => byName.get(name))
    .filter(Boolean)
    .map(row => ({ row, element: field(row, page) }));
  const rows = h('p', { class: 'hint', id: 'rows' });
  const notes = h('ul', { class: 'hint notes' });
  fill(
    byId('data-body'),
    h('fieldset', { class: 'cards' }, h('legend', { class: 'unseen' }, 'Data set'), ...cards.map(({ element }) => element)),
    others.length ? list : null,
    csvBox,
    pointBox,
    rowsError,
    h('div', { class: 'fields' }, countField, ...fields.map(({ element }) => element)),
    rows,
    notes,
  );

  store.on(['source', 'settings', 'resolved', 'problem'], ({ source, settings, resolved, problem }) => {
    const [chosen, rowCount] =
      source.kind === 'named' ? partsOf(settings.data ?? resolved.data ?? 'xor') : [`:${source.kind}`, ''];
    for (const { input } of cards) input.checked = input.value === chosen;
    list.value = others.includes(chosen) ? chosen : '';
    csvBox.hidden = source.kind !== 'csv';
    pointBox.hidden = source.kind !== 'points';
    if (source.kind === 'csv' && document.activeElement !== csv) csv.value = source.text;
    const generated = source.kind === 'named' && Object.keys(CARDS).slice(1).includes(chosen);
    countField.hidden = !generated;
    countField.classList.toggle('given', rowCount !== '');
    if (document.activeElement !== count) count.value = rowCount;
    for (const { row, element } of fields) {
      const always = row.name === 'validation' || row.name in settings;
      element.hidden = !always && !generated && !(row.name === 'data-seed' && settings.validation);
    }
    const mine = problem !== null && (problem.setting === 'data' || (problem.setting === null && source.kind !== 'named'));
    rowsError.hidden = !mine;
    setText(rowsError, mine ? problem.message : '');
  });
  store.on(['info'], ({ info }) => {
    if (!info) return;
    notes.hidden = !info.notes?.length;
    fill(notes, ...(info.notes ?? []).map((/** @type {string} */ note) => h('li', {}, note)));
    const { data } = session.live;
    const columns = data?.columns ?? info.inputs.length;
    const held = info.validation_rows ? `, ${grouped(info.validation_rows)} for validation (hollow)` : '';
    const classes = info.classes && data?.classes ? `; classes ${info.classes.join(', ')}` : '';
    setText(rows, `${grouped(info.rows)} rows to train on${held}; ${columns} ${columns === 1 ? 'input' : 'inputs'}${classes}.`);
  });
}

/** The shape and the number of rows in a name such as `circles-200`. @param {string} name */
function partsOf(name) {
  const parts = name.match(/^(circles|moons|spirals)-(.*)$/);
  return parts ? [parts[1], parts[2]] : [name, ''];
}
