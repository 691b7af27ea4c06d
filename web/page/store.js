// The one state of the page. Whatever changes goes through `set`, and whoever shows it listens to the keys it reads.

/**
 * @typedef {{ x: number, y: number, c: number }} Point a point drawn by hand, of class c
 * @typedef {{ kind: 'named' } | { kind: 'points', points: Point[] } | { kind: 'csv', text: string }} Source
 *   where the rows come from: a data set that the library knows by name, points drawn by hand, or a pasted table
 * @typedef {'loading' | 'ready' | 'running' | 'done' | 'failed'} Phase
 * @typedef {{ setting: string | null, message: string }} Problem
 * @typedef {{
 *   settings: Record<string, string>,
 *   source: Source,
 *   pinned: Record<string, string>,
 *   resolved: Record<string, string>,
 *   command: string,
 *   problem: Problem | null,
 *   message: { text: string, kind: 'note' | 'error' | 'verdict' } | null,
 *   phase: Phase,
 *   device: any,
 *   info: any,
 *   progress: any,
 *   findings: any[],
 *   speed: string,
 *   tool: string,
 *   logarithmic: boolean,
 *   shown: { layer: number, unit: number } | null,
 *   theme: 'auto' | 'light' | 'dark',
 * }} State
 */

/** @returns {State} */
export const initial = () => ({
  settings: {}, // what is given, by the keys of `wgrad --config`; the rest is the library's default
  source: { kind: 'named' },
  pinned: {}, // of these, what points took over from the data set that they were made from
  resolved: {}, // the values in effect
  command: '',
  problem: null,
  message: null,
  phase: 'loading',
  device: null,
  info: null, // of the run
  progress: null, // what the last advance reported
  findings: [],
  speed: 'watch',
  tool: 'look',
  logarithmic: true,
  shown: null, // the unit whose map stands in the output picture
  theme: 'auto',
});

/** @param {State} state */
export function createStore(state) {
  /** @type {{ keys: string[], listener: (state: State) => void }[]} */
  const listeners = [];
  return {
    state,
    /** @param {Partial<State>} patch */
    set(patch) {
      const changed = Object.keys(patch).filter(key => /** @type {any} */ (patch)[key] !== /** @type {any} */ (state)[key]);
      Object.assign(state, patch);
      for (const { keys, listener } of listeners) if (keys.some(key => changed.includes(key))) listener(state);
    },
    /** @param {(keyof State)[]} keys @param {(state: State) => void} listener */
    on(keys, listener) {
      listeners.push({ keys, listener });
      listener(state);
    },
  };
}
/** @typedef {ReturnType<typeof createStore>} Store */
