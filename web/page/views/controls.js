// The bar of controls: run, step, restart, seed, speed; the figures of the run; the device that computes.

import { byId, copy, fill, h, setText } from '../dom.js';
import { fixed, grouped, percent } from '../numbers.js';
import { SPEEDS } from '../player.js';
import { examples } from '../examples.js';

/** @param {import('../main.js').Page} page */
export function controls({ store, actions, schema }) {
  const [run, step, restart, seed, speed, device, choice] = [
    'run',
    'step',
    'restart',
    'new-seed',
    'speed',
    'device',
    'examples',
  ].map(byId);
  run.addEventListener('click', actions.run);
  step.addEventListener('click', actions.step);
  restart.addEventListener('click', () => actions.restart());
  seed.addEventListener('click', actions.newSeed);
  fill(speed, ...Object.entries(SPEEDS).map(([key, { name }]) => h('option', { value: key }, name)));
  speed.addEventListener('change', () => actions.setSpeed(speed.value));
  store.on(['speed'], ({ speed: key }) => {
    speed.value = key;
  });

  // What was asked for and what came of it differ where there is no WebGPU.
  device.addEventListener('change', () => actions.useDevice(device.value));
  store.on(['device'], ({ device: open }) => {
    if (open) device.value = open.engine;
  });

  fill(
    choice,
    h('option', { value: ':' }, 'Examples'),
    ...examples(schema).map(([name, fragment]) => h('option', { value: fragment }, name)),
  );
  choice.addEventListener('change', () => {
    if (choice.value !== ':') location.hash = choice.value || 'data=xor';
    choice.value = ':';
  });

  store.on(['phase', 'problem'], ({ phase, problem }) => {
    const running = phase === 'running';
    setText(run, running ? 'Pause' : phase === 'done' || phase === 'failed' ? 'Run again' : 'Run');
    run.setAttribute('aria-pressed', String(running));
    run.disabled = phase === 'loading' || problem !== null;
    step.disabled = (phase !== 'ready' && !running) || problem !== null;
    restart.disabled = seed.disabled = phase === 'loading';
  });

  const figure = (/** @type {string} */ key, /** @type {string} */ name) => {
    const value = h('dd', { 'data-figure': key }, '–');
    return { box: h('div', { 'data-of': key }, h('dt', {}, name), value), value };
  };
  const figures = {
    epoch: figure('epoch', 'epoch'),
    step: figure('step', 'step'),
    loss: figure('loss', 'loss'),
    accuracy: figure('accuracy', 'accuracy'),
    validation: figure('validation-loss', 'validation loss'),
    validated: figure('validation-accuracy', 'accuracy there'),
    seed: figure('seed', 'seed'),
  };
  fill(byId('figures'), ...Object.values(figures).map(({ box }) => box));
  const progressBar = byId('progress');
  store.on(['progress', 'info', 'resolved'], ({ progress, info, resolved }) => {
    setText(figures.seed.value, resolved.seed ?? '0');
    setText(figures.step.value, progress ? grouped(progress.step) : '0');
    setText(figures.epoch.value, progress ? grouped(Math.floor(progress.epoch)) : '0');
    setText(figures.loss.value, fixed(progress?.loss ?? null));
    setText(figures.accuracy.value, percent(progress?.accuracy));
    figures.accuracy.box.hidden = Boolean(progress) && progress.accuracy === null;
    const validates = Boolean(info?.validation_rows);
    figures.validation.box.hidden = figures.validated.box.hidden = !validates;
    setText(figures.validation.value, fixed(progress?.validation_loss ?? null));
    setText(figures.validated.value, percent(progress?.validation_accuracy));
    progressBar.value = progress && info?.steps ? progress.step / info.steps : 0;
  });

  // What computes: an adapter by its name, or the CPU and why.
  const engine = byId('engine');
  store.on(['device', 'info'], ({ device, info }) => {
    if (!device) return;
    const gpu = device.engine === 'webgpu';
    const kernels = info ? `${info.kernels ?? info.engine} engine` : '';
    fill(
      engine,
      h('span', { class: gpu ? 'dot gpu' : 'dot', 'aria-hidden': 'true' }),
      h('span', {}, gpu ? `WebGPU: ${device.name}` : `CPU${device.name && device.name !== 'CPU' ? `: ${device.name}` : ''}`),
      h('span', { class: gpu ? 'detail' : 'detail why' }, gpu ? kernels : device.note),
    );
    engine.title = [device.name, device.note, kernels].filter(Boolean).join('. ');
  });

  const message = byId('message');
  store.on(['message', 'problem', 'source'], ({ message: said, problem, source }) => {
    // A problem with a setting stands beside the setting, one with rows beside those; here only what has no such place.
    const homeless = problem && problem.setting === null && source.kind === 'named';
    const text = homeless ? problem.message : (said?.text ?? '');
    message.hidden = !text;
    message.className = `message ${homeless || said?.kind === 'error' ? 'error' : ''}`;
    setText(message, text);
  });

  // What happened is said once, at the ends: a live region of changing figures would never be silent.
  store.on(['phase'], ({ phase, progress }) => {
    if (phase !== 'done' || !progress) return;
    const verdict = progress.solved ? 'Solved: every prediction is within 0.1 of its target' : 'Done';
    const checked =
      progress.validation_loss === null || progress.validation_loss === undefined
        ? ''
        : `, validation loss ${fixed(progress.validation_loss)}`;
    const correct = progress.accuracy === null ? '' : `, ${percent(progress.accuracy)} of the rows correct`;
    store.set({
      message: {
        kind: 'verdict',
        text: `${verdict}. Loss ${fixed(progress.loss)}${correct}${checked} after ${grouped(progress.epoch)} epochs.`,
      },
    });
  });
  store.on(['phase'], ({ phase, message: said }) => {
    if (phase !== 'done' && said?.kind === 'verdict') store.set({ message: null });
  });
  byId('copy-link').addEventListener('click', async () => {
    const { url, left } = actions.link();
    await copy(url, byId('copy-link'));
    if (left) store.set({ message: { kind: 'note', text: left } });
  });
}
