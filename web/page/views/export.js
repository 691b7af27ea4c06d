// Settings out and in: the link, the configuration file of `wgrad --config`, the command line.

import { byId, copy, download, fill, h, setText } from '../dom.js';
import { fileOf, rowsOf } from '../rows.js';

/** @param {import('../main.js').Page} page */
export function exportView({ wgrad, store, actions }) {
  const area = (/** @type {string} */ id, /** @type {number} */ rows, readonly = true) =>
    h('textarea', { id, rows, readonly, spellcheck: 'false', wrap: 'off' });
  const link = area('export-link', 2);
  const command = area('export-command', 2);
  const toml = area('export-toml', 9);
  const incoming = area('import-toml', 9, false);
  incoming.placeholder = 'data = "spirals"\nlayers = [2, 16, 16, 1]\noptimizer = "adam"';
  const note = h('p', { class: 'hint' });
  const error = h('p', { class: 'error', role: 'alert', hidden: true });
  const copies = (/** @type {any} */ from) =>
    h('button', { type: 'button', onclick: (/** @type {any} */ event) => copy(from.value, event.currentTarget) }, 'Copy');
  const rowsFile = h(
    'button',
    {
      type: 'button',
      onclick: () => {
        const { source } = store.state;
        const rows = rowsOf(source);
        const name = fileOf(source);
        if (rows && name) download(name, rows.csv);
      },
    },
    'Download the rows',
  );
  const file = h('input', { type: 'file', id: 'import-file', accept: '.toml,.txt' });
  const take = async (/** @type {string} */ text) => {
    error.hidden = true;
    try {
      await actions.importToml(text);
    } catch (/** @type {any} */ problem) {
      error.hidden = false;
      setText(error, problem.message);
    }
  };
  file.addEventListener('change', async () => {
    if (!file.files?.[0]) return;
    incoming.value = await file.files[0].text();
    await take(incoming.value);
  });

  fill(
    byId('panel-export'),
    h(
      'div',
      { class: 'two' },
      h(
        'div',
        {},
        h('h2', {}, 'This run elsewhere'),
        h('label', { for: 'export-link' }, 'Link: all settings, and points drawn by hand'),
        link,
        h('div', { class: 'row' }, copies(link)),
        note,
        h('label', { for: 'export-command' }, 'The same run in a terminal'),
        command,
        h('div', { class: 'row' }, copies(command)),
        h('label', { for: 'export-toml' }, 'As a file for ', h('code', {}, 'wgrad --config')),
        toml,
        h(
          'div',
          { class: 'row' },
          copies(toml),
          h('button', { type: 'button', onclick: () => download('run.toml', toml.value) }, 'Download'),
          rowsFile,
        ),
      ),
      h(
        'div',
        {},
        h('h2', {}, 'Settings from a file'),
        h('label', { for: 'import-toml' }, 'A configuration, as ', h('code', {}, 'wgrad --print-config'), ' writes it'),
        incoming,
        error,
        h(
          'div',
          { class: 'row' },
          h('button', { type: 'button', onclick: () => take(incoming.value) }, 'Use it'),
          h('label', { class: 'button', for: 'import-file' }, 'Open a file', file),
        ),
      ),
    ),
  );

  store.on(['settings', 'source', 'resolved', 'command', 'problem'], ({ settings, source, command: line, problem }) => {
    const { url, left } = actions.link();
    link.value = url;
    setText(note, left ?? '');
    command.value = problem ? '' : line;
    rowsFile.hidden = source.kind === 'named';
    try {
      toml.value = problem ? '' : wgrad.to_toml(settings, fileOf(source));
    } catch (/** @type {any} */ failed) {
      toml.value = `# ${failed.message}`;
    }
  });
}
