// Odds: of 4,096 starts trained at once, how many solve the data.

import { byId, copy, fill, h, setText } from '../dom.js';
import { grouped, percent, short } from '../numbers.js';
import { job } from './job.js';

const STARTS = [64, 256, 1024, 4096, 16384];

/** @param {import('../main.js').Page} page */
export function oddsView(page) {
  const { wgrad, store } = page;
  const starts = h('select', { id: 'odds-starts' }, ...STARTS.map(count => h('option', { value: count }, grouped(count))));
  starts.value = '4096';
  const { start, buttons, below, run } = job(page, { id: 'odds-start' }, 'Train them');
  const result = h('div', { class: 'odds-result' });
  const compared = h('div');
  /** @type {{ what: string, settings: Record<string, string>, odds: any }[]} */
  const known = [];

  start.addEventListener('click', () => {
    const { settings, resolved } = store.state;
    const count = Number(starts.value);
    run(
      `Training ${grouped(count)} starts.`,
      ({ device, settings, rows }, progress, cancelled) =>
        wgrad.odds(device, settings, { starts: count, ...rows }, progress, cancelled),
      (odds, cancelled) => {
        if (odds.starts) {
          show(odds);
          known.unshift({ what: describe(settings, resolved), settings: { ...settings }, odds });
          if (known.length > 12) known.pop();
          showKnown();
        }
        return cancelled ? `Cancelled after ${grouped(odds.starts)} starts.` : '';
      },
    );
  });

  /** @param {any} odds */
  function show(odds) {
    const { starts: count, solved, diverged, share, low, high, median_epochs: median, seconds } = odds;
    fill(
      result,
      h('p', { class: 'big' }, percent(share), h('span', {}, ` of ${grouped(count)} starts solve it`)),
      interval(share, low, high),
      h(
        'p',
        {},
        `${grouped(solved)} solved; 95 % interval ${percent(low)} to ${percent(high)}. `,
        median === null || median === undefined ? '' : `Half of those that did needed at most ${grouped(median)} epochs. `,
        diverged ? `${grouped(diverged)} diverged. ` : '',
        seconds ? `${short(seconds, 3)} s on the ${odds.engine} engine.` : '',
      ),
    );
  }

  function showKnown() {
    if (known.length < 2) return fill(compared);
    fill(
      compared,
      h('h3', {}, 'Compared'),
      h(
        'div',
        { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Odds compared' },
        h(
          'table',
          {},
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              ...['settings', 'solved', '95 % interval', '', 'median epochs', 'diverged'].map(text =>
                h('th', { scope: 'col' }, text),
              ),
            ),
          ),
          h(
            'tbody',
            {},
            ...known.map(({ what, odds }) =>
              h(
                'tr',
                {},
                h('th', { scope: 'row' }, what),
                h('td', {}, percent(odds.share)),
                h('td', {}, `${percent(odds.low)} – ${percent(odds.high)}`),
                h('td', { class: 'bars' }, interval(odds.share, odds.low, odds.high)),
                h('td', {}, odds.median_epochs === null || odds.median_epochs === undefined ? '–' : grouped(odds.median_epochs)),
                h('td', {}, grouped(odds.diverged)),
              ),
            ),
          ),
        ),
      ),
      h(
        'p',
        {},
        h('button', { type: 'button', onclick: (/** @type {any} */ event) => copy(csv(), event.currentTarget) }, 'Copy as CSV'),
      ),
    );
  }
  const csv = () =>
    [
      'settings,starts,solved,low,high,median_epochs,diverged',
      ...known.map(({ what, odds }) =>
        [JSON.stringify(what), odds.starts, odds.solved, odds.low, odds.high, odds.median_epochs ?? '', odds.diverged].join(','),
      ),
    ].join('\n');

  const what = h('p', { class: 'hint' });
  store.on(['resolved', 'settings', 'problem'], ({ resolved, settings, problem }) => {
    const seed = grouped(Number(resolved.seed ?? 0));
    setText(what, resolved.data ? `Now: ${describe(settings, resolved)}; seeds ${seed} and on.` : '');
    start.disabled = problem !== null;
  });
  fill(
    byId('panel-odds'),
    h(
      'div',
      { class: 'two narrow-left' },
      h(
        'div',
        {},
        h('h2', {}, 'How many starts solve it?'),
        h(
          'p',
          {},
          'Whether a small network learns is a matter of its first weights. A start counts as solved once every prediction is within 0.1 of its target. All starts are trained at once with these settings, each from a seed of its own.',
        ),
        what,
        h('div', { class: 'row' }, h('label', { class: 'inline' }, 'Starts ', starts), ...buttons),
        ...below,
      ),
      h('div', {}, result, compared),
    ),
  );
}

/**
 * What was chosen, in a line: the data, the network, and whatever else is not a default.
 * @param {Record<string, string>} settings
 * @param {Record<string, string>} resolved
 */
export function describe(settings, resolved) {
  const first = ['data', 'layers', 'activation'];
  const chosen = Object.entries(settings)
    .filter(([key]) => !first.includes(key) && key !== 'seed')
    .map(([key, value]) => `${key} ${value}`);
  return [resolved.data, resolved.layers?.replace(/[[\]\s]/g, '').replace(/,/g, '-'), resolved.activation, ...chosen]
    .filter(Boolean)
    .join(', ');
}

/** An interval on a scale of 0 to 100 %. @param {number} share @param {number} low @param {number} high */
function interval(share, low, high) {
  return h(
    'div',
    { class: 'interval', 'aria-hidden': 'true' },
    h('i', { style: `left:${100 * low}%;width:${Math.max(0.4, 100 * (high - low))}%` }),
    h('b', { style: `left:${100 * share}%` }),
  );
}
