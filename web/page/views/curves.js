// Loss curves: training as a line, validation dotted.

import { byId, fill, h, setText, tableBehind } from '../dom.js';
import { sharpCanvas } from '../canvas.js';
import { css } from '../draw/colours.js';
import { drawChart } from '../draw/chart.js';
import { short } from '../numbers.js';

/** @param {import('../main.js').Page} page */
export function curvesView({ store, session, colours }) {
  /** @type {number | null} */
  let at = null;
  /** @type {(x: number) => number} */
  let toEpoch = () => 0;
  const reading = h('p', { class: 'reading' });

  const chart = sharpCanvas(
    (context, scale) => {
      const palette = colours();
      const { history, before } = session.live;
      const toEpochs = (/** @type {{ x: number, y: number }[]} */ points, every = history.perEpoch) =>
        points.map(({ x, y }) => ({ x: x / every, y }));
      const total = (store.state.info?.steps ?? 1) / history.perEpoch;
      // The axis grows with the run in doublings, so that the curve isn't a sliver at the left for most of it.
      let end = total;
      while (end > 8 && end / 2 > (history.step / history.perEpoch) * 1.1) end /= 2;
      toEpoch = drawChart(
        context,
        [
          {
            name: 'run before',
            colour: palette.faint,
            dotted: false,
            points: before ? toEpochs(before.training, before.perEpoch).filter(point => point.x <= end) : [],
          },
          { name: 'training', colour: palette.ink, dotted: false, points: toEpochs(history.training) },
          { name: 'validation', colour: css(palette.classes[2]), dotted: true, points: toEpochs(history.validation) },
        ],
        { end: Math.max(end, 1e-9), logarithmic: store.state.logarithmic, at },
        palette,
        scale,
      );
    },
    { class: 'chart', 'aria-label': 'Loss over epochs', tabindex: 0, 'aria-describedby': 'curves-keys' },
  );

  /** The values nearest to an epoch. @param {number} epoch */
  function read(epoch) {
    const step = epoch * session.live.history.perEpoch;
    const nearest = (/** @type {{ x: number, y: number }[]} */ points) =>
      points.reduce((best, point) => (Math.abs(point.x - step) < Math.abs(best.x - step) ? point : best), points[0]);
    const { training, validation } = session.live.history;
    if (!training.length) return setText(reading, '');
    const held = validation.length ? `, validation ${short(nearest(validation).y)}` : '';
    setText(reading, `epoch ${short(epoch, 4)}: training ${short(nearest(training).y)}${held}`);
  }
  const show = (/** @type {number | null} */ epoch) => {
    at = epoch;
    if (epoch === null) setText(reading, '');
    else read(epoch);
    chart.redraw();
  };
  chart.canvas.addEventListener('pointermove', event => show(toEpoch(event.offsetX)));
  chart.canvas.addEventListener('pointerleave', () => show(null));
  chart.canvas.addEventListener('blur', () => show(null));
  chart.canvas.addEventListener('keydown', event => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const end = session.live.history.step / session.live.history.perEpoch;
    show(Math.min(end, Math.max(0, (at ?? end) + (by * end) / 40)));
  });

  const scaleBox = h('input', {
    type: 'checkbox',
    id: 'log-scale',
    onchange: () => store.set({ logarithmic: scaleBox.checked }),
  });
  const behind = tableBehind('Losses as a table', () => {
    const { training, validation } = session.live.history;
    const some = training.filter(
      (_, place) => place % Math.max(1, Math.ceil(training.length / 25)) === 0 || place === training.length - 1,
    );
    const held = (/** @type {number} */ x) => validation.find(point => point.x >= x)?.y;
    return {
      head: ['step', 'training', ...(validation.length ? ['validation'] : [])],
      rows: some.map(({ x, y }) => [x, short(y), ...(validation.length ? [short(held(x))] : [])]),
    };
  });
  const key = h('p', { class: 'legend' });
  store.on(['info', 'theme'], ({ info }) =>
    fill(
      key,
      h('span', {}, h('span', { class: 'line', 'aria-hidden': 'true' }), 'training'),
      info?.validation_rows
        ? h(
            'span',
            {},
            h('span', { class: 'line dotted', style: `border-color:${css(colours().classes[2])}`, 'aria-hidden': 'true' }),
            'validation',
          )
        : null,
      session.live.before ? h('span', {}, h('span', { class: 'line before', 'aria-hidden': 'true' }), 'run before') : null,
      h('label', { class: 'inline' }, scaleBox, 'log scale'),
    ),
  );
  fill(
    byId('curves-body'),
    key,
    chart.canvas,
    h('p', { id: 'curves-keys', class: 'unseen' }, 'Left and right read values off.'),
    reading,
    behind.element,
  );
  store.on(['logarithmic'], ({ logarithmic }) => {
    scaleBox.checked = logarithmic;
  });
  store.on(['theme', 'logarithmic'], chart.redraw);
  session.listeners.push(() => {
    chart.redraw();
    if (store.state.phase !== 'running') behind.refresh();
  });
  store.on(['phase'], ({ phase, progress }) => {
    if (phase !== 'running' && progress)
      chart.canvas.setAttribute('aria-label', `Loss over epochs: ${short(progress.loss)} after step ${progress.step}`);
  });
}
