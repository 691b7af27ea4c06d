// The hidden space: where the rows lie in the last hidden layer.

import { byId, fill, h, setText, tableBehind } from '../dom.js';
import { sharpCanvas } from '../canvas.js';
import { drawHidden } from '../draw/hidden.js';
import { short } from '../numbers.js';

/** @param {import('../main.js').Page} page */
export function hiddenView({ store, session, colours }) {
  const how = h('p', { class: 'hint' });
  const chart = sharpCanvas(
    (context, scale) => {
      const { hidden, data } = session.live;
      context.clearRect(0, 0, context.canvas.width, context.canvas.height);
      // While points are added the rows of the last look are behind by some.
      if (!hidden || !data || hidden.x.length > data.rows) return;
      drawHidden(context, hidden, data, colours(), scale);
      setText(how, `Layer ${hidden.layer}, ${hidden.how}. The output layer divides this by a straight line.`);
    },
    { class: 'hidden-space', 'aria-label': 'The rows in the last hidden layer' },
  );
  const behind = tableBehind('Hidden space as a table', () => {
    const { hidden, data } = session.live;
    if (!hidden || !data) return { head: [], rows: [] };
    const most = Math.min(200, hidden.x.length);
    return {
      head: ['row', 'across', 'upwards', 'class'],
      rows: Array.from({ length: most }, (_, row) => [
        row + 1,
        short(hidden.x[row]),
        short(hidden.y[row]),
        data.classes ? data.classes[row] : short(data.targets[row]),
      ]),
    };
  });
  fill(byId('hidden-body'), chart.canvas, how, behind.element);
  session.listeners.push(() => {
    chart.redraw();
    if (store.state.phase !== 'running') behind.refresh();
  });
  store.on(['theme'], chart.redraw);
}
