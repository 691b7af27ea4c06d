// What the doctor finds, in words, with what to try: a fix that is a setting of this page is a button.

import { byId, fill, h } from '../dom.js';
import { percent } from '../numbers.js';

/**
 * The settings of a fix, or null where it has none, or one that this page has not.
 * @param {any} fix @param {any[]} schema @returns {Record<string, string> | null}
 */
function settingsOf(fix, schema) {
  const isHere = (/** @type {any} */ { name }) => schema.some(row => row.name === name);
  if (!fix.settings.length || !fix.settings.every(isHere)) return null;
  return Object.fromEntries(fix.settings.map((/** @type {any} */ { name, value }) => [name, value]));
}

/** @param {any} progress */
function solved({ validation_accuracy: accuracy }) {
  const verdict = 'Solved: every prediction is within 0.1 of its target';
  return accuracy === null || accuracy === undefined
    ? `${verdict}.`
    : `${verdict} on the training rows; ${percent(accuracy)} of the validation rows are correct.`;
}

/** @param {import('../main.js').Page} page */
export function findingsView({ schema, store, actions }) {
  const list = h('div', { class: 'findings' });
  fill(byId('findings-body'), list);
  let shown = '';
  store.on(['findings', 'progress', 'phase'], ({ findings, progress, phase, settings }) => {
    const nothing = !progress?.step
      ? 'While it trains, this says why a run is stuck: dead units, saturation, a rate too high or too low, and more.'
      : progress.solved
        ? solved(progress)
        : 'Nothing is wrong so far.';
    const now = JSON.stringify([findings, findings.length ? '' : nothing, phase === 'running']);
    if (now === shown) return; // a button with the focus on it stays where it is
    shown = now;
    if (!findings.length) return fill(list, h('p', { class: progress?.solved ? 'good' : 'hint' }, nothing));
    fill(
      list,
      ...findings.map(finding => {
        const tries = finding.fixes.map((/** @type {any} */ fix) => {
          if (fix.settings.some((/** @type {any} */ { name }) => name === 'restarts')) {
            return h(
              'button',
              {
                type: 'button',
                onclick: () => {
                  byId('tab-odds').click();
                  byId('odds-start').focus();
                  byId('closer').scrollIntoView({ block: 'nearest' });
                },
              },
              'Try many starts: odds',
            );
          }
          const patch = settingsOf(fix, schema);
          if (!patch || Object.entries(patch).every(([key, value]) => settings[key] === value)) return h('code', {}, fix.text);
          return h(
            'button',
            { type: 'button', onclick: () => actions.set(patch) },
            `Try ${Object.entries(patch)
              .map(([key, value]) => `${key} ${value}`)
              .join(', ')}`,
          );
        });
        return h(
          'article',
          {},
          h('h3', {}, finding.title),
          h('p', {}, finding.text),
          h('p', { class: 'hint' }, finding.advice),
          tries.length ? h('p', { class: 'row tries' }, ...tries) : null,
        );
      }),
    );
  });
  // Said aloud once a run has come to rest, not while it changes.
  const aloud = h('p', { class: 'unseen', role: 'status' });
  byId('findings-body').append(aloud);
  store.on(['findings', 'phase'], ({ findings, phase, progress }) => {
    if (phase === 'running' || !progress?.step) return;
    const text = findings.length ? `Diagnosis: ${findings.map(finding => finding.title).join(', ')}` : '';
    if (aloud.textContent !== text) aloud.textContent = text;
  });
}
