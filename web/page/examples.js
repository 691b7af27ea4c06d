// Runs worth looking at, as links to this page. What the library lacks is left out.

/** @type {[string, string][]} */
const EXAMPLES = [
  ['XOR from a start that gets stuck', ''],
  ['The same start with leaky-relu', 'activation=leaky-relu'],
  ['XOR without a hidden layer', 'layers=2,1'],
  ['Spirals with Adam', 'data=spirals&optimizer=adam&validation=0.2'],
  ['Circles: three units are enough', 'data=circles&layers=2,3,1&activation=tanh'],
  ['Overfitting: few rows, much noise', 'data=moons-60&noise=0.35&validation=0.5&layers=2,32,32,1&optimizer=adam&epochs=1000'],
  [
    'The same with weight decay',
    'data=moons-60&noise=0.35&validation=0.5&layers=2,32,32,1&optimizer=adamw&weight-decay=0.5&epochs=1000',
  ],
  ['The same with dropout', 'data=moons-60&noise=0.35&validation=0.5&layers=2,32,32,1&optimizer=adam&dropout=0.5&epochs=1000'],
  [
    'Gradients that vanish: nine sigmoid layers',
    'data=circles&layers=2,16,16,16,16,16,16,16,16,16,1&activation=sigmoid&epochs=100',
  ],
  ['The same with batch norm', 'data=circles&layers=2,16,16,16,16,16,16,16,16,16,1&activation=sigmoid&norm=batch&epochs=100'],
  ['A rate that is far too high', 'loss=mse-mean&output-activation=identity&lr=4&init-scale=3'],
  ['Handwritten digits', 'data=digits'],
];

/**
 * Names and fragments of those that the library can train: with the settings and the data that it has here.
 * @param {any[]} schema
 * @returns {[string, string][]}
 */
export function examples(schema) {
  const data = schema.find(row => row.name === 'data')?.choices ?? [];
  const has = (/** @type {string} */ key, /** @type {string} */ value) =>
    key === 'data' ? data.includes(value.replace(/-\d+$/, '')) : schema.some(row => row.name === key);
  return EXAMPLES.filter(([, fragment]) =>
    fragment.split('&').every(part => {
      const [key, value] = part.split('=');
      return !key || has(key, value);
    }),
  );
}
