// Adding, dragging and removing points in the output picture, by pointer and by keyboard.

import { fill, h } from '../dom.js';
import { CLASS_NAMES, css } from '../draw/colours.js';
import { fromPixels, toPixels } from '../draw/plane.js';

/** A point is caught within so many CSS pixels; fingers are wider than that, and get more. */
const CATCH = { mouse: 10, pen: 14, touch: 22 };
/** While a point is dragged the run gets it this often. */
const WHILE_DRAGGED_MS = 150;
const MARKS = ['●', '■', '▲', '◆'];

/**
 * @param {import('../main.js').Page} page @param {HTMLElement} stage
 * @param {{ redraw: () => void, read: (at: { x: number, y: number } | null) => void }} picture
 */
export function editor({ store, session, actions, colours }, stage, { redraw, read }) {
  /** @type {{ point: number, x: number, y: number, sent: number } | null} */
  let dragged = null;
  /** @type {{ x: number, y: number } | null} */
  let cross = null;
  let carried = -1; // the point that the keyboard carries

  const points = () => (store.state.source.kind === 'points' ? store.state.source.points : []);
  const tool = () => store.state.tool;
  const classOf = () => (tool().startsWith('class-') ? Number(tool().slice(6)) : 0);

  /** The place of the plane under a pointer. @param {PointerEvent} event */
  function under(event) {
    const box = stage.getBoundingClientRect();
    return fromPixels(session.live.data.window, box.width, box.height)(event.clientX - box.left, event.clientY - box.top);
  }

  /**
   * The row nearest to a place, within some pixels; -1 where there is none.
   * @param {{ x: number, y: number }} at
   * @param {number} within
   */
  function nearest(at, within) {
    const { data } = session.live;
    const box = stage.getBoundingClientRect();
    const place = toPixels(data.window, box.width, box.height);
    const [x, y] = place(at.x, at.y);
    let [best, closest] = [-1, within];
    const drawn = points(); // these may be ahead of the rows of the run
    for (let row = 0; row < (drawn.length || data.rows); row++) {
      const [px, py] = drawn.length ? place(drawn[row].x, drawn[row].y) : place(data.inputs[2 * row], data.inputs[2 * row + 1]);
      const distance = Math.hypot(px - x, py - y);
      if (distance < closest) [best, closest] = [row, distance];
    }
    return best;
  }

  /** @param {{ x: number, y: number }} at */
  const add = at =>
    actions.toPoints() || !points().length
      ? actions.movePoints([...points(), { x: round(at.x), y: round(at.y), c: classOf() }])
      : undefined;
  /** @param {number} which */
  const remove = which => {
    if (which >= 0 && actions.toPoints()) actions.movePoints(points().filter((_, place) => place !== which));
  };
  /** @param {number} which @param {{ x: number, y: number }} at */
  const moved = (which, at) =>
    points().map((point, place) => (place === which ? { ...point, x: round(at.x), y: round(at.y) } : point));

  stage.addEventListener('pointerdown', event => {
    if (!session.live.data?.window || tool() === 'look' || (event.pointerType === 'mouse' && event.button !== 0)) return;
    const at = under(event);
    const caught = nearest(at, CATCH[/** @type {'mouse'} */ (event.pointerType)] ?? 12);
    if (tool() === 'remove') return remove(caught);
    if (caught < 0) return add(at);
    if (!actions.toPoints()) return;
    dragged = { point: caught, ...at, sent: performance.now() };
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener('pointermove', event => {
    if (!session.live.data?.window) return;
    const at = under(event);
    read(at);
    stage.classList.toggle('catches', tool() !== 'look' && nearest(at, 10) >= 0);
    if (!dragged) return;
    dragged = { ...dragged, ...at };
    redraw();
    if (performance.now() - dragged.sent > WHILE_DRAGGED_MS && store.state.phase === 'running') {
      dragged.sent = performance.now();
      actions.movePoints(moved(dragged.point, at));
    }
  });
  const drop = () => {
    if (!dragged) return;
    const { point, x, y } = dragged;
    dragged = null;
    actions.movePoints(moved(point, { x, y }));
  };
  stage.addEventListener('pointerup', drop);
  stage.addEventListener('pointercancel', () => {
    dragged = null;
    redraw();
  });
  stage.addEventListener('pointerleave', () => {
    if (!dragged) read(cross);
  });
  stage.addEventListener('contextmenu', event => {
    if (tool() === 'look' || !session.live.data?.window) return;
    event.preventDefault();
    remove(nearest(under(/** @type {any} */ (event)), 12));
  });

  stage.addEventListener('keydown', event => {
    const { data } = session.live;
    if (!data?.window || event.ctrlKey || event.metaKey || event.altKey) return;
    const { x, y } = data.window;
    const [across, up] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (across || up) {
      const step = event.shiftKey ? 1 / 10 : 1 / 50;
      const from = cross ?? { x: (x[0] + x[1]) / 2, y: (y[0] + y[1]) / 2 };
      cross = {
        x: Math.min(x[1], Math.max(x[0], from.x + across * step * (x[1] - x[0]))),
        y: Math.min(y[1], Math.max(y[0], from.y + up * step * (y[1] - y[0]))),
      };
      if (carried >= 0) actions.movePoints(moved(carried, cross));
      read(cross);
      redraw();
    } else if (event.key === 'Escape') {
      cross = null;
      carried = -1;
      read(null);
      redraw();
    } else if ('1234'.includes(event.key) && event.key.length === 1) {
      store.set({ tool: `class-${Number(event.key) - 1}` });
    } else if (cross && event.key === 'Enter') {
      add(cross);
    } else if (cross && (event.key === 'm' || event.key === 'M')) {
      carried = carried >= 0 || !actions.toPoints() ? -1 : nearest(cross, 40);
    } else if (cross && (event.key === 'Delete' || event.key === 'Backspace')) {
      carried = -1;
      remove(nearest(cross, 40));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation(); // 1 to 4 and m mean something else elsewhere
  });
  stage.addEventListener('blur', () => {
    cross = null;
    carried = -1;
    redraw();
  });

  // The tools: look, a class to add, remove.
  const tools = h('fieldset', { class: 'tools' });
  const choices = [
    ['look', 'Look', ''],
    ...CLASS_NAMES.map((name, c) => [`class-${c}`, `Add ${name}`, MARKS[c]]),
    ['remove', 'Remove', '×'],
  ];
  fill(
    tools,
    h('legend', { class: 'unseen' }, 'Points'),
    ...choices.map(([value, name, sign]) => {
      const input = h('input', {
        type: 'radio',
        name: 'tool',
        value,
        id: `tool-${value}`,
        onchange: () => store.set({ tool: value }),
      });
      return h(
        'label',
        {
          for: `tool-${value}`,
          title:
            value === 'look' ? 'Read values off' : value === 'remove' ? 'Click a point to remove it' : `${name}; drag to move`,
        },
        input,
        h('span', sign ? { 'aria-hidden': 'true', class: `sign ${value}` } : {}, sign || name),
        sign ? h('span', { class: 'unseen' }, name) : null,
      );
    }),
  );
  store.on(['tool', 'theme'], () => {
    const palette = colours();
    for (const input of tools.querySelectorAll('input')) {
      input.checked = input.value === tool();
      const sign = /** @type {HTMLElement | null} */ (input.nextElementSibling);
      if (sign && input.value.startsWith('class-')) sign.style.color = css(palette.classes[Number(input.value.slice(6))]);
    }
    stage.classList.toggle('edits', tool() !== 'look');
  });

  return {
    tools,
    cross: () => (document.activeElement === stage ? cross : null),
    /**
     * Classes and parts of points, which may be ahead of the run, and whose order is another than that of its rows.
     * @param {any} data
     */
    rows: data => {
      const drawn = points();
      if (!drawn.length) return {};
      const key = (/** @type {number} */ x, /** @type {number} */ y) => `${x.toFixed(3)} ${y.toFixed(3)}`;
      const held = new Set();
      for (let row = 0; row < data.rows; row++)
        if (!data.training[row]) held.add(key(data.inputs[2 * row], data.inputs[2 * row + 1]));
      return {
        rows: drawn.length,
        classes: drawn.map(point => point.c),
        training: Uint8Array.from(drawn, ({ x, y }) => Number(!held.has(key(x, y)))),
      };
    },
    /** @param {number} row @param {any} data @param {(x: number, y: number) => number[]} place */
    at: (row, data, place) => {
      if (dragged && dragged.point === row) return place(dragged.x, dragged.y);
      const point = points()[row];
      return point ? place(point.x, point.y) : place(data.inputs[2 * row], data.inputs[2 * row + 1]);
    },
  };
}

/** @param {number} value */
const round = value => Number(value.toFixed(3));
