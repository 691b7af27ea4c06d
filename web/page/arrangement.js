// Where settings stand on the page. This is an order of names only: which settings there are, their choices, defaults and
// help come from the library's table, and what is named nowhere here stands under "More".

/** Shown in the data panel. */
export const OF_DATA = ['noise', 'validation', 'data-seed'];

/** Panels of settings; `open` ones are shown whole, of the others the rest is folded. */
export const PANELS = [
  { title: 'Network', names: ['layers', 'activation', 'negative-slope', 'output-activation', 'init', 'init-scale'], open: true },
  { title: 'Loss', names: ['loss', 'huber-delta'], open: true },
  {
    title: 'Optimizer',
    names: ['optimizer', 'lr', 'momentum', 'beta1', 'beta2', 'alpha', 'eps', 'batch', 'epochs', 'seed'],
    open: true,
  },
  { title: 'Schedule', names: ['schedule', 'warmup', 'lr-factor', 'lr-every', 'min-lr'], open: false },
  { title: 'Regularisation', names: ['weight-decay', 'decay', 'dropout', 'norm', 'clip-norm', 'clip-value'], open: false },
];

/** The panel of settings that only a pasted table has. */
export const TABLE = 'Reading the table';

/** Shown elsewhere than in a form. */
const ELSEWHERE = ['data', ...OF_DATA];

/** The panels of what the library has. @param {any[]} schema */
export function arrange(schema) {
  const byName = new Map(schema.map(row => [row.name, row]));
  const placed = new Set([...ELSEWHERE, ...PANELS.flatMap(panel => panel.names)]);
  const panels = PANELS.map(panel => ({ ...panel, rows: panel.names.map(name => byName.get(name)).filter(Boolean) }));
  const rest = schema.filter(row => !placed.has(row.name));
  const ofTables = (/** @type {any} */ row) => row.group === 'Tables';
  panels.push({ title: 'More', names: [], open: false, rows: rest.filter(row => !ofTables(row)) });
  panels.push({ title: TABLE, names: [], open: false, rows: rest.filter(ofTables) });
  return panels.filter(panel => panel.rows.length);
}

/** Names that read better than their keys. */
const LABELS = /** @type {Record<string, string>} */ ({
  lr: 'Learning rate',
  eps: 'Epsilon',
  init: 'Initialisation',
  'init-scale': 'Initial scale',
  'lr-factor': 'Rate factor',
  'lr-every': 'Rate falls every',
  'min-lr': 'Lowest rate',
  batch: 'Batch size',
  layers: 'Units per layer',
  validation: 'Validation share',
  'data-seed': 'Data seed',
  norm: 'Norm',
});

/** @param {string} name */
export const labelOf = name => LABELS[name] ?? name[0].toUpperCase() + name.slice(1).replace(/-/g, ' ');
