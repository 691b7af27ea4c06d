// The network: a map for each unit, weights as lines, and buttons for layers and units.

import { byId, fill, h, setText, tableBehind } from '../dom.js';
import { sharpCanvas } from '../canvas.js';
import { drawEdges, edges, nearestEdge } from '../draw/edges.js';
import { paint, reach } from '../draw/field.js';
import { short } from '../numbers.js';

/** More units of a layer are not drawn; they are counted. */
const MOST = 16;
/** Pixels of a unit's map. */
const MAP = 32;

/** @param {import('../main.js').Page} page */
export function networkView({ store, session, actions, colours }) {
  const columns = h('div', { class: 'layers' });
  const status = h('p', { class: 'reading', id: 'network-reading' });
  /** @type {{ element: any, canvas: HTMLCanvasElement, image: ImageData, layer: number, unit: number }[]} */
  let units = [];
  /** @type {any[][]} */
  let places = [];
  /** @type {any[]} */
  let lines = [];
  let radius = 18;
  /** @type {{ layer: number, unit: number } | null} */
  let chosenUnit = null;
  /** @type {any} */
  let chosenEdge = null;

  const sheet = sharpCanvas(
    (context, scale) => {
      const { parameters } = session.live;
      if (!parameters) return;
      const ofUnit = (/** @type {any} */ edge) =>
        chosenUnit !== null &&
        ((edge.layer + 1 === chosenUnit.layer && edge.to === chosenUnit.unit) ||
          (edge.layer === chosenUnit.layer && edge.from === chosenUnit.unit));
      const isChosen = (/** @type {any} */ edge) =>
        chosenEdge ? edge.layer === chosenEdge.layer && edge.from === chosenEdge.from && edge.to === chosenEdge.to : ofUnit(edge);
      lines = edges(places, parameters.layers);
      drawEdges(context, places, lines, { radius, scale, chosen: isChosen, some: Boolean(chosenEdge || chosenUnit) }, colours());
    },
    { class: 'edges', 'aria-hidden': 'true' },
  );
  const stage = h('div', { class: 'stage' }, sheet.canvas, columns);
  sheet.canvas.removeAttribute('role');

  const weights = tableBehind('Weights as a table', () => {
    const { parameters } = session.live;
    const rows = (parameters?.layers ?? []).flatMap((/** @type {any} */ layer, /** @type {number} */ at) =>
      Array.from({ length: layer.columns }, (_, to) => [
        `${nameOf(at + 1, to)}`,
        short(layer.biases[to]),
        Array.from({ length: layer.rows }, (_, from) => short(layer.weights[from * layer.columns + to], 3)).join('  '),
      ]),
    );
    return { head: ['unit', 'bias', 'weights from the layer before, in order'], rows };
  });

  /** @param {number} layer @param {number} unit */
  function nameOf(layer, unit) {
    const { info } = store.state;
    if (layer === 0) return info.inputs[unit] ?? `input ${unit + 1}`;
    if (layer === info.layers.length - 1) return info.outputs[unit] ?? `output ${unit + 1}`;
    return `layer ${layer}, unit ${unit + 1}`;
  }

  /** Says what is under the pointer or has the focus. */
  function read() {
    const { parameters, grid } = session.live;
    if (!parameters || !store.state.info) return;
    if (chosenEdge) {
      const layer = parameters.layers[chosenEdge.layer];
      const weight = layer.weights[chosenEdge.from * layer.columns + chosenEdge.to];
      setText(
        status,
        `Weight from ${nameOf(chosenEdge.layer, chosenEdge.from)} to ${nameOf(chosenEdge.layer + 1, chosenEdge.to)}: ${short(weight)}`,
      );
    } else if (chosenUnit) {
      const { layer, unit } = chosenUnit;
      if (layer === 0) return setText(status, `Input: ${nameOf(0, unit)}`);
      const { weights: all, biases, columns: of, rows } = parameters.layers[layer - 1];
      const incoming = Array.from({ length: Math.min(rows, 6) }, (_, from) => short(all[from * of + unit], 3)).join(', ');
      const values = grid?.layers[layer - 1];
      const idle = values && reach(values, of, unit) === 0 ? ' It is 0 everywhere in the picture.' : '';
      const kind = store.state.info.activations?.[layer - 1] ?? store.state.info.activation;
      setText(
        status,
        `${nameOf(layer, unit)} (${kind}): bias ${short(biases[unit])}; weights ${incoming}${rows > 6 ? ', …' : ''}.${idle}`,
      );
    } else {
      setText(status, "Point at, or move to, a unit or a line for its values; a unit's map then stands in the output picture.");
    }
  }

  /** @param {{ layer: number, unit: number } | null} unit */
  function choose(unit) {
    chosenUnit = unit;
    chosenEdge = null;
    const { info } = store.state;
    const hidden = unit && unit.layer > 0 && unit.layer < info.layers.length - 1 && session.live.grid;
    actions.show(hidden ? { layer: unit.layer, unit: unit.unit } : null);
    read();
    sheet.redraw();
  }

  /** @param {number[]} layers */
  const change = layers => actions.set({ layers: layers.join(',') });

  function build() {
    const { info } = store.state;
    if (!info) return;
    const { layers } = info;
    // The button that was pressed is made anew: it gets the focus back.
    const focused = document.activeElement?.id;
    units = [];
    const last = layers.length - 1;
    const tallest = Math.min(MOST, Math.max(...layers));
    radius = tallest > 12 ? 13 : tallest > 8 ? 15 : 19;
    columns.style.setProperty('--unit', `${2 * radius}px`);
    const column = layers.map((/** @type {number} */ count, /** @type {number} */ layer) => {
      const hidden = layer > 0 && layer < last;
      const name = layer === 0 ? 'inputs' : layer === last ? 'output' : `hidden ${layer}`;
      const button = (/** @type {number} */ by) =>
        h(
          'button',
          {
            type: 'button',
            class: 'small',
            id: `units-${layer}-${by > 0 ? 'more' : 'fewer'}`,
            disabled: count + by < 1,
            'aria-label': `${by > 0 ? 'One unit more' : 'One unit less'} in hidden layer ${layer}, which has ${count}`,
            onclick: () => change(layers.map((/** @type {number} */ n, /** @type {number} */ at) => (at === layer ? n + by : n))),
          },
          by > 0 ? '+' : '−',
        );
      const head = h(
        'div',
        { class: 'head' },
        h('span', {}, `${name}`),
        hidden
          ? h('span', { class: 'count' }, button(-1), h('b', {}, String(count)), button(1))
          : h('span', { class: 'count' }, h('b', {}, String(count))),
      );
      const shown = Array.from({ length: Math.min(count, MOST) }, (_, unit) => makeUnit(layer, unit));
      return h(
        'div',
        { class: 'layer' },
        head,
        h('div', { class: 'units' }, ...shown, count > MOST ? h('span', { class: 'more' }, `and ${count - MOST} more`) : null),
      );
    });
    fill(columns, ...column);
    setText(hiddenCount, String(last - 1));
    fewer.disabled = last < 2;
    place();
    if (focused) document.getElementById(focused)?.focus();
    draw();
    read();
  }

  /** @param {number} layer @param {number} unit */
  function makeUnit(layer, unit) {
    const canvas = h('canvas', { width: MAP, height: MAP });
    const element = h(
      'button',
      {
        type: 'button',
        class: 'unit',
        id: `unit-${layer}-${unit}`,
        'aria-label': nameOf(layer, unit),
        'aria-describedby': 'network-reading',
        tabindex: layer === 0 && unit === 0 ? 0 : -1,
        onfocus: () => choose({ layer, unit }),
        onpointerenter: () => choose({ layer, unit }),
        onblur: () => choose(null),
        onpointerleave: () => {
          if (document.activeElement !== element) choose(null);
        },
        onkeydown: (/** @type {KeyboardEvent} */ event) => move(event, layer, unit),
      },
      canvas,
    );
    // Without a plane there are no maps: then inputs and outputs say which they are.
    if (!session.live.data?.window && (layer === 0 || layer === store.state.info.layers.length - 1))
      element.dataset.label = nameOf(layer, unit)
        .replace(/^input /, '')
        .slice(0, 3);
    units.push({ element, canvas, image: new ImageData(MAP, MAP), layer, unit });
    return element;
  }

  /**
   * Arrows go from unit to unit, so that Tab does not have to pass each of them.
   * @param {KeyboardEvent} event
   * @param {number} layer
   * @param {number} unit
   */
  function move(event, layer, unit) {
    const [across, down] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key] ?? [0, 0];
    if (!across && !down) return;
    event.preventDefault();
    const column = units.filter(other => other.layer === layer + across);
    const to = column[Math.min(unit + down, column.length - 1)];
    if (!to) return;
    for (const { element } of units) element.tabIndex = element === to.element ? 0 : -1;
    to.element.focus();
  }

  /** Where units are, for the lines between them. */
  function place() {
    const origin = stage.getBoundingClientRect();
    const { info } = store.state;
    places = (info?.layers ?? []).map((/** @type {number} */ count) => Array(Math.min(count, MOST)).fill(null));
    for (const { element, layer, unit } of units) {
      const box = element.getBoundingClientRect();
      places[layer][unit] = { x: box.left - origin.left + box.width / 2, y: box.top - origin.top + box.height / 2 };
    }
    sheet.redraw();
  }

  /** The maps of units, from the grid of the last frame. */
  function draw() {
    const { grid, parameters } = session.live;
    const palette = colours();
    const last = store.state.info?.layers.length - 1;
    if (parameters) {
      for (const { element, canvas, image, layer, unit } of units) {
        if (layer === 0 && grid) {
          paintInput(image, unit, palette.ramp);
        } else if (!grid) {
          // Without a plane to draw over, the first layer's weights are shown as the images that they look for.
          const { rows: inputs, columns: of, weights: all } = parameters.layers[0];
          const side = Math.sqrt(inputs);
          if (layer !== 1 || side < 3 || !Number.isInteger(side)) continue;
          paintWeights(image, all, of, unit, side, palette.ramp);
        } else {
          const values = layer === last ? grid.outputs : grid.layers[layer - 1];
          const of = parameters.layers[layer - 1].columns;
          const { activations, activation } = store.state.info;
          const bounded = layer === last && (activations?.[layer - 1] ?? activation) === 'sigmoid';
          const size = reach(values, of, unit);
          element.classList.toggle('idle', size === 0);
          paint(image, grid, values, of, unit, bounded ? [0, 1] : [-size || -1, size || 1], palette.ramp);
        }
        canvas.getContext('2d')?.putImageData(image, 0, 0);
      }
    }
    sheet.redraw();
    if (chosenEdge || chosenUnit) read();
  }

  stage.addEventListener('pointermove', (/** @type {PointerEvent} */ event) => {
    if (/** @type {Element} */ (event.target).closest('button')) return;
    const box = stage.getBoundingClientRect();
    const found = nearestEdge(places, lines, radius, event.clientX - box.left, event.clientY - box.top);
    if (!found && !chosenEdge) return;
    chosenEdge = found;
    read();
    sheet.redraw();
  });
  stage.addEventListener('pointerleave', () => {
    chosenEdge = null;
    read();
    sheet.redraw();
  });
  new ResizeObserver(place).observe(stage);

  const hiddenCount = h('b', {});
  const fewer = h(
    'button',
    {
      type: 'button',
      class: 'small',
      id: 'layers-fewer',
      'aria-label': 'One hidden layer less',
      onclick: () => {
        const { layers } = store.state.info;
        change([...layers.slice(0, -2), layers.at(-1)]);
      },
    },
    '−',
  );
  const more = h(
    'button',
    {
      type: 'button',
      class: 'small',
      id: 'layers-more',
      'aria-label': 'One hidden layer more',
      onclick: () => {
        const { layers } = store.state.info;
        const as = layers.length > 2 ? layers.at(-2) : 4;
        change([...layers.slice(0, -1), as, layers.at(-1)]);
      },
    },
    '+',
  );
  const summary = h('p', { class: 'summary' });
  store.on(['info'], ({ info }) => {
    if (!info) return;
    const kinds = info.activations ?? [];
    const text = info.layers
      .map((/** @type {number} */ n, /** @type {number} */ at) => (at === 0 ? `${n}` : `${n} ${kinds[at - 1] ?? ''}`.trim()))
      .join(' - ');
    setText(summary, `${text}; ${info.parameters} parameters`);
    chosenUnit = chosenEdge = null;
  });
  fill(
    byId('network-body'),
    h(
      'div',
      { class: 'row spread' },
      h('span', { class: 'count' }, h('span', {}, 'hidden layers'), fewer, hiddenCount, more),
      summary,
    ),
    stage,
    status,
    weights.element,
  );
  session.listeners.push(what => {
    if (what === 'rows') build();
    else draw();
    if (what === 'rows' || store.state.phase !== 'running') weights.refresh();
  });
  store.on(['theme'], draw);
}

/**
 * The incoming weights of a unit, as an image of the inputs.
 * @param {ImageData} image
 * @param {Float32Array} weights
 * @param {number} of
 * @param {number} unit
 * @param {number} side
 * @param {Uint32Array} ramp
 */
function paintWeights(image, weights, of, unit, side, ramp) {
  const pixels = new Uint32Array(image.data.buffer);
  const size = reach(weights, of, unit) || 1;
  for (let at = 0; at < pixels.length; at++) {
    const [row, column] = [
      Math.floor((Math.floor(at / image.width) * side) / image.height),
      Math.floor(((at % image.width) * side) / image.width),
    ];
    pixels[at] = ramp[Math.round(127.5 + (127.5 * weights[(row * side + column) * of + unit]) / size)];
  }
}

/** The map of an input is the input itself. @param {ImageData} image @param {number} axis @param {Uint32Array} ramp */
function paintInput(image, axis, ramp) {
  const pixels = new Uint32Array(image.data.buffer);
  for (let at = 0; at < pixels.length; at++) {
    const along = axis === 0 ? (at % image.width) / (image.width - 1) : 1 - Math.floor(at / image.width) / (image.height - 1);
    pixels[at] = ramp[Math.round(255 * (axis > 1 ? 0.5 : along))];
  }
}
