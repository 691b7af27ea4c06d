// What a person can do, whatever button, key or link asks for it. Each action changes the state and starts what follows.

import { fromFragment, toFragment } from './link.js';
import { rowsOf } from './rows.js';

/** @typedef {import('./store.js').Source} Source */

/** Settings whose defaults depend on the data: points made from a data set keep those of its run. */
const PINNED = ['layers', 'loss', 'lr', 'epochs', 'batch', 'normalize'];
/** Among them the one whose default changes as points are moved: a scale fitted anew would move the picture under the weights. */
const SCALING = 'normalize';
/** Reading a table of this many characters once for each setting would be felt. */
const SLOW_TABLE = 20000;
/** What only generated data has. */
const OF_GENERATED = ['data', 'noise', 'data-seed'];

/**
 * @param {any} wgrad
 * @param {import('./store.js').Store} store
 * @param {import('./session.js').Session} session
 * @param {import('./player.js').Player} player
 */
export function createActions(wgrad, store, session, player) {
  const schema = wgrad.schema();
  const known = schema.map((/** @type {any} */ row) => row.name);
  /** @type {number | undefined} */
  let waiting;
  let turns = 0; // counts restarts: of several in a row, as while one types, the last one goes on
  let resumes = false; // whether the last of them runs

  /** Has the library check the settings, and starts a run with them. @param {{ go?: boolean }} [options] go: run at once */
  async function restart({ go = false } = {}) {
    resumes ||= go || store.state.phase === 'running';
    const turn = ++turns;
    player.pause();
    if (!check() || !(await session.start()) || turn !== turns) return false;
    if (resumes) player.run();
    resumes = false;
    return true;
  }

  function check() {
    const { settings, source } = store.state;
    const verdict = wgrad.check_settings(settings, rowsOf(source));
    if (!verdict.ok) {
      player.pause();
      store.set({ problem: { setting: verdict.setting ?? null, message: verdict.message } });
      return false;
    }
    store.set({ problem: null, resolved: verdict.resolved ?? {}, command: verdict.command ?? '' });
    return true;
  }

  /** Without this, each key typed into a field would start a run. */
  function restartSoon() {
    clearTimeout(waiting);
    waiting = setTimeout(restart, 120);
  }

  /** The settings without those that points took over from a data set, as long as nobody changed them. */
  function unpinned() {
    const { settings, pinned } = store.state;
    store.set({ pinned: {} });
    return Object.fromEntries(Object.entries(settings).filter(([key, value]) => pinned[key] !== value));
  }

  const actions = {
    restart,
    run() {
      if (store.state.phase === 'done' || store.state.phase === 'failed') restart({ go: true });
      else player.toggle();
    },
    step: () => player.step(),

    /** Sets or, with an empty text, unsets settings. @param {Record<string, string | null>} patch */
    set(patch) {
      const settings = { ...store.state.settings };
      for (const [key, value] of Object.entries(patch)) {
        if (value === null || value === '') delete settings[key];
        else settings[key] = value;
      }
      store.set({ settings });
      restartSoon();
    },

    newSeed() {
      actions.set({ seed: String(Number(store.state.resolved.seed ?? 0) + 1) });
    },

    /** A data set by name. @param {string} name */
    useData(name) {
      /** @type {Record<string, string>} */
      const settings = { ...unpinned(), data: name };
      delete settings.noise; // its default is another for each shape
      delete settings.layers; // they follow the data
      store.set({ settings, source: { kind: 'named' }, tool: 'look' });
      restartSoon();
    },

    /** Rows of one's own instead of a data set by name. @param {Source} source */
    useRows(source) {
      const settings = unpinned();
      for (const key of OF_GENERATED) delete settings[key];
      delete settings.layers;
      if (source.kind === 'points' && !(SCALING in settings)) {
        settings[SCALING] = 'none';
        store.set({ pinned: { [SCALING]: 'none' } });
      }
      store.set({ settings, source });
      if (source.kind === 'points') actions.movePoints(source.points);
      else restartSoon();
    },

    /** The rows of the run as points to edit, with the settings that the run has. */
    toPoints() {
      if (store.state.source.kind === 'points') return true;
      const { data } = session.live;
      if (!data?.window || !data.classes || data.classes.some((/** @type {number} */ c) => c > 3)) return false;
      const { resolved } = store.state;
      const settings = { ...store.state.settings };
      for (const key of OF_GENERATED) delete settings[key];
      const points = Array.from({ length: data.rows }, (_, row) => ({
        x: Number(data.inputs[2 * row].toFixed(3)),
        y: Number(data.inputs[2 * row + 1].toFixed(3)),
        c: data.classes[row],
      }));
      /** @type {Record<string, string>} */
      const pinned = {};
      const byDefault = wgrad.check_settings(settings, rowsOf({ kind: 'points', points })).resolved ?? {};
      for (const key of PINNED) {
        if (resolved[key] && !(key in settings) && (key === SCALING || byDefault[key] !== resolved[key]))
          pinned[key] = resolved[key];
      }
      store.set({ settings: { ...settings, ...pinned }, pinned, source: { kind: 'points', points } });
      return true;
    },

    /**
     * Other points: a run under way goes on with the weights that it has, where the library can do that.
     * @param {import('./store.js').Point[]} points
     */
    async movePoints(points) {
      store.set({ source: { kind: 'points', points } });
      outputsFor(points);
      if (!points.length) {
        player.pause();
        await session.queue(() => session.clearRows());
        store.set({
          problem: {
            setting: 'data',
            message: 'There are no points yet: choose a class above the output picture and click into it.',
          },
        });
        return;
      }
      // Another number of classes is another network, which starts anew.
      const fits = () => store.state.resolved.layers === store.state.info?.layers.join(',');
      if (store.state.progress?.step && check() && fits() && (await session.otherRows())) {
        if (store.state.phase === 'done') await restart();
        return;
      }
      restartSoon();
    },

    /** Computes on another device from now on. @param {'webgpu' | 'cpu'} kind */
    async useDevice(kind) {
      player.pause();
      const old = session.device;
      await session.queue(() => session.open(kind));
      await restart();
      old?.close?.();
    },

    /** @param {string} speed */
    setSpeed: speed => store.set({ speed }),
    /** @param {{ layer: number, unit: number } | null} shown */
    show: shown => store.set({ shown }),

    /** The link to this page with what is set. */
    link() {
      const { fragment, left } = toFragment(withoutDefaults(), store.state.source);
      return { url: `${location.href.split('#')[0]}${fragment ? `#${fragment}` : ''}`, left };
    },

    /** Takes what the address says. */
    async readLink() {
      const { settings, source, unknown } = fromFragment(location.hash.slice(1), known);
      store.set({
        settings,
        source,
        message: unknown.length
          ? {
              kind: 'error',
              text: `The link has settings that this page does not know: ${unknown.join(', ')}. They are left out.`,
            }
          : null,
      });
      await restart();
    },

    /** Takes a configuration as `wgrad --config` has it. @param {string} text */
    importToml(text) {
      const settings = wgrad.from_toml(text);
      store.set({ settings, source: { kind: 'named' } });
      return restart();
    },
  };

  /** The settings without those that have the value that they would have anyway. */
  function withoutDefaults() {
    const { settings, source, resolved, problem } = store.state;
    if (problem || (source.kind === 'csv' && source.text.length > SLOW_TABLE)) return settings;
    let shorter = settings;
    for (const key of Object.keys(settings)) {
      const { [key]: _, ...rest } = shorter;
      const verdict = wgrad.check_settings(rest, rowsOf(source));
      if (verdict.ok && same(verdict.resolved ?? {}, resolved)) shorter = rest;
    }
    return shorter;
  }

  /**
   * As many outputs as there are classes, where points got a class more or less.
   * @param {import('./store.js').Point[]} points
   */
  function outputsFor(points) {
    const layers = store.state.settings.layers?.split(',');
    if (!layers) return;
    const kinds = new Set(points.map(point => point.c)).size;
    const outputs = String(points.every(point => point.c < 2) ? 1 : kinds);
    if (layers.at(-1) === outputs) return;
    /** @type {Record<string, string>} */
    const settings = { ...store.state.settings, layers: [...layers.slice(0, -1), outputs].join(',') };
    delete settings.loss; // bce for one output, cross-entropy for several: the library's default
    store.set({ settings });
  }

  // The address follows the settings, without an entry in the history for each.
  store.on(['resolved'], () => {
    if (store.state.phase === 'loading') return;
    const { url } = actions.link();
    if (url !== location.href) history.replaceState(null, '', url);
  });
  return actions;
}
/** @param {Record<string, string>} a @param {Record<string, string>} b */
const same = (a, b) => Object.keys({ ...a, ...b }).every(key => a[key] === b[key]);
/** @typedef {ReturnType<typeof createActions>} Actions */
