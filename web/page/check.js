// The check page: every kernel beside its plain formula on the visitor's GPU, as a table to copy into a report.

import { load } from './wgrad.js';
import { byId, copy, fill, h, setText } from './dom.js';
import { grouped } from './numbers.js';
import { createStore, initial } from './store.js';
import { startTheme } from './theme.js';

/** @param {any} device */
function showDevice(device) {
  const gpu = device.engine === 'webgpu';
  fill(
    byId('engine'),
    h('span', { class: gpu ? 'dot gpu' : 'dot', 'aria-hidden': 'true' }),
    h('span', {}, gpu ? `WebGPU: ${device.name}` : 'No WebGPU here'),
    gpu ? null : h('span', { class: 'detail why' }, device.note),
  );
  const facts = [
    ['Adapter', gpu ? device.name : 'none'],
    ['Browser', browserName()],
  ];
  fill(byId('check-device'), ...facts.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

/** The browser's name and version where it says them, else what it says of itself. */
function browserName() {
  const brands = /** @type {any} */ (navigator).userAgentData?.brands?.filter(
    (/** @type {any} */ brand) => !/not/i.test(brand.brand),
  );
  return brands?.length
    ? `${brands.map((/** @type {any} */ { brand, version }) => `${brand} ${version}`).join(', ')} on ${/** @type {any} */ (navigator).userAgentData.platform}`
    : navigator.userAgent;
}

/** @param {string} title @param {string[]} lines */
const list = (title, lines) =>
  h('section', { class: 'plain' }, h('h3', {}, title), h('ul', {}, ...lines.map(line => h('li', {}, h('code', {}, line)))));

/** @param {any} result @returns {string[]} */
const uncheckedOf = result => [
  ...result.rows.flatMap((/** @type {any} */ row) => row.unchecked.map((/** @type {string} */ why) => `${row.what}: ${why}`)),
  ...result.notes,
];

/** @param {any[]} rows */
function showRows(rows) {
  fill(
    byId('check-table'),
    h(
      'table',
      { class: 'checks' },
      h('caption', { class: 'unseen' }, 'Kernels and whole trainings: cases, the largest error as a share of its bound, verdict'),
      h(
        'thead',
        {},
        h('tr', {}, ...['what', 'cases', 'error / bound', '', 'verdict'].map(text => h('th', { scope: 'col' }, text))),
      ),
      h(
        'tbody',
        {},
        ...rows.map(({ what, cases, worst, result }) =>
          h(
            'tr',
            { class: result === 'FAILED' ? 'failed' : null },
            h('th', { scope: 'row' }, what),
            h('td', {}, grouped(cases)),
            h('td', {}, Number.isFinite(worst) ? worst.toFixed(3) : '–'),
            h(
              'td',
              { class: 'meter', 'aria-hidden': 'true' },
              h('span', { style: `width:${Math.min(100, 100 * (worst || 0))}%` }),
            ),
            h('td', {}, result),
          ),
        ),
      ),
    ),
  );
}

async function start() {
  startTheme(createStore(initial()));
  const wgrad = /** @type {any} */ (await load());
  setText(byId('version'), wgrad.version);
  let device = await wgrad.open('webgpu');
  showDevice(device);
  const [run, cancel, again, bar, state, now, filter] = [
    'check-run',
    'check-cancel',
    'check-copy',
    'check-progress',
    'check-state',
    'check-now',
    'check-filter',
  ].map(byId);
  if (device.engine !== 'webgpu') {
    setText(state, `${device.note} There is nothing to check without a GPU.`);
    return;
  }
  run.disabled = false;
  let report = '';
  let cancelled = false;
  let lost = '';
  const watch = () =>
    device.lost.then((/** @type {string} */ why) => {
      lost = why;
    });
  watch();
  again.addEventListener('click', () => copy(report, again));
  cancel.addEventListener('click', () => {
    cancelled = true;
    setText(state, 'Cancelling.');
  });
  run.addEventListener('click', async () => {
    /** @type {any[]} */
    let rows = [];
    cancelled = false;
    run.disabled = true;
    cancel.hidden = bar.hidden = false;
    again.hidden = byId('check-report').hidden = byId('check-verdict').hidden = true;
    fill(byId('check-failures'));
    fill(byId('check-table'));
    setText(state, 'Checking.');
    const began = performance.now();
    try {
      if (lost) {
        // what a driver reset took away is opened anew
        device = await wgrad.open('webgpu');
        lost = '';
        watch();
        showDevice(device);
      }
      const result = await wgrad.check(
        device,
        { filter: filter.value.trim() || undefined },
        (/** @type {any} */ { done, total, what, row }) => {
          bar.value = total ? done / total : 0;
          if (row) showRows((rows = [...rows, row]));
          setText(now, `${grouped(done)} of ${grouped(total)} done: ${what}.`);
        },
        () => cancelled,
      );
      setText(now, '');
      showRows(result.rows);
      report = result.report;
      const verdict = byId('check-verdict');
      verdict.hidden = false;
      const failures = result.rows.flatMap((/** @type {any} */ row) => row.failures);
      verdict.className = `verdict ${failures.length ? 'bad' : 'good'}`;
      setText(verdict, result.summary);
      const unchecked = uncheckedOf(result);
      fill(
        byId('check-failures'),
        failures.length ? list('What failed', failures.slice(0, 50)) : null,
        unchecked.length ? list('What could not be checked here', unchecked) : null,
      );
      setText(state, `${cancelled ? 'Cancelled' : 'Done'} after ${((performance.now() - began) / 1000).toFixed(1)} s.`);
      byId('check-text').value = report;
      again.hidden = byId('check-report').hidden = false;
    } catch (/** @type {any} */ error) {
      setText(state, lost ? `The device was lost (${lost}); run the check again.` : error.message);
    }
    run.disabled = false;
    setText(run, 'Run it again');
    setText(now, '');
    cancel.hidden = bar.hidden = true;
  });
}

start().catch(error => setText(byId('check-state'), `The check could not start: ${error?.message ?? error}`));
