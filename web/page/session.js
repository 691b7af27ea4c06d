// One device and one run on it. Calls on a run are made one after the other, and a lost device is replaced by a new one
// that goes on from the last state.

import { History } from './history.js';
import { classesOf, coloursOf, rowsOf } from './rows.js';
import { spread } from './draw/hidden.js';

/** @typedef {import('./store.js').Store} Store */
/** So many lost devices within a minute, and the CPU goes on. */
const MOST_LOSSES = 3;
/** How often the state is kept while training, for a new device. */
const KEEP_MS = 1500;
/** Sides of the grid, from which the one is taken whose evaluation fits a frame. */
const SIDES = [100, 80, 64, 48, 32, 20];

export class Session {
  /** @param {any} wgrad @param {Store} store */
  constructor(wgrad, store) {
    this.wgrad = wgrad;
    this.store = store;
    /** @type {any} */ this.device = null;
    /** @type {'webgpu' | 'cpu'} */ this.kind = 'webgpu';
    /** @type {number[]} */ this.losses = []; // when
    /** @type {any} */ this.run = null;
    /** @type {Promise<any>} */ this.last = Promise.resolve();
    this.wanted = 0; // counts starts, so that of several in a row only the last is made
    /**
     * What the pictures show, renewed with each frame.
     * @type {{ data: any, grid: any, parameters: any, hidden: any, history: History, before: History | null }}
     */
    this.live = { data: null, grid: null, parameters: null, hidden: null, history: new History(), before: null };
    /** @type {{ step: number, bytes: Uint8Array } | null} */ this.kept = null;
    this.keptAt = 0;
    this.side = 1; // of SIDES
    /** @type {((what: 'rows' | 'frame') => void)[]} */ this.listeners = [];
  }

  /** @param {'rows' | 'frame'} what `rows`: a new run or other rows; `frame`: other numbers of the same run */
  tell(what) {
    for (const listener of this.listeners) listener(what);
  }

  /** Makes a call once those before it are done. @template T @param {() => Promise<T> | T} call @returns {Promise<T>} */
  queue(call) {
    const next = this.last.then(call, call);
    this.last = next.catch(() => {});
    return next;
  }

  /** @param {'webgpu' | 'cpu'} [kind] as before, where none is given */
  async open(kind = this.kind) {
    this.kind = kind;
    const device = (this.device = await this.openOrCpu(kind));
    this.store.set({ device });
    device.lost.then((/** @type {string} */ why) => {
      if (this.device === device) this.recover(why);
    });
  }

  /**
   * A GPU that is there but does not open is no reason to have no page.
   * @param {'webgpu' | 'cpu'} kind
   */
  async openOrCpu(kind) {
    try {
      return await this.wgrad.open(kind);
    } catch (/** @type {any} */ error) {
      if (kind === 'cpu') throw error;
      this.store.set({ message: { kind: 'error', text: `WebGPU does not open here, so the CPU computes: ${error.message}` } });
      return this.wgrad.open('cpu');
    }
  }

  /** Starts a run with the settings and rows of the store, at step 0. @returns {Promise<boolean>} whether it stands */
  start() {
    const wanted = ++this.wanted;
    return this.queue(async () => {
      if (wanted !== this.wanted) return false;
      const { settings, source } = this.store.state;
      try {
        const run = await this.wgrad.start(this.device, settings, rowsOf(source));
        this.run?.free();
        this.run = run;
      } catch (/** @type {any} */ error) {
        this.store.set({ phase: 'failed', problem: { setting: error.setting ?? null, message: error.message } });
        return false;
      }
      // The curve of the run before stays, to compare with; a run of a few steps is none.
      if (this.live.history.training.length > 4) this.live.before = this.live.history;
      this.live.history = new History(this.run.info.steps_per_epoch);
      this.kept = null;
      this.takeRows();
      this.live.grid = this.live.hidden = null;
      await this.look(true);
      this.store.set({ info: this.run.info, progress: null, findings: [], phase: 'ready' });
      this.tell('rows');
      return true;
    });
  }

  /** Reads the rows of the run, and what of them the pictures need. */
  takeRows() {
    const { run, live, store } = this;
    const data = run.data();
    const colours = coloursOf(run.info, store.state.source);
    const classes = classesOf(data, run.info)?.map(kind => colours[kind] ?? kind) ?? null;
    const before = live.data?.window;
    // The picture stays where it is while points are drawn in it.
    const stays = before && store.state.source.kind === 'points' && inside(data, before);
    const window = data.columns !== 2 ? null : stays ? before : windowOf(data);
    live.data = { ...data, classes, colours, range: classes ? [0, 1] : spread(data.targets), window };
  }

  /** An empty plane to draw points in. */
  clearRows() {
    const none = new Float32Array();
    const window = this.live.data?.window ?? { x: [-1.2, 1.2], y: [-1.2, 1.2] };
    this.live.data = {
      inputs: none,
      targets: none,
      training: new Uint8Array(),
      rows: 0,
      columns: 2,
      classes: [],
      colours: [],
      range: [0, 1],
      window,
    };
    this.live.grid = this.live.hidden = null;
    this.tell('rows');
  }

  /**
   * Goes on with the present weights on other rows.
   * @returns {Promise<boolean>} false where that cannot be, and a start is needed
   */
  otherRows() {
    return this.queue(async () => {
      if (!this.run?.replace_rows) return false;
      try {
        await this.run.replace_rows(rowsOf(this.store.state.source));
      } catch {
        return false; // such as a first point of a third class: the network has too few outputs
      }
      this.takeRows();
      this.kept = null;
      await this.look(true);
      this.store.set({ info: { ...this.run.info } });
      this.tell('rows');
      return true;
    });
  }

  /**
   * Makes steps and looks at the network after them.
   * @param {number} steps
   * @param {{ whole: boolean }} options whole: everything, as after the last frame
   */
  advance(steps, { whole }) {
    return this.queue(async () => {
      const { run, store, live } = this;
      const began = performance.now();
      const progress = await run.advance(steps);
      const took = performance.now() - began;
      live.history.add(progress.losses, progress.step, progress.validation_loss);
      await this.look(whole);
      if (whole || performance.now() - this.keptAt > KEEP_MS) {
        const bytes = await run.state();
        if (bytes.length) this.kept = { step: progress.step, bytes }; // none of a run that diverged
        this.keptAt = performance.now();
      }
      store.set({ progress });
      this.tell('frame');
      return { progress, took };
    });
  }

  /** Reads what the pictures show. @param {boolean} whole */
  async look(whole) {
    const { run, live } = this;
    live.parameters = await run.parameters();
    if (live.data.window) {
      const side = SIDES[whole ? 0 : this.side]; // at rest there is time for the finest
      const began = performance.now();
      live.grid = {
        width: side,
        height: side,
        ...live.data.window,
        ...(await run.grid({ width: side, height: side, ...live.data.window })),
      };
      const took = performance.now() - began;
      // Slow devices get a coarser grid, fast ones a finer one; between the two it stays.
      if (!whole && took > 9 && this.side + 1 < SIDES.length) this.side++;
      else if (!whole && took < 2.5 && this.side > 0) this.side--;
    }
    this.turn = ((this.turn ?? 0) + 1) % 4;
    if (whole || this.turn === 0) live.hidden = await run.hidden();
  }

  /** What is wrong with the run, in words. */
  diagnose() {
    return this.queue(async () => {
      if (!this.run) return;
      this.store.set({ findings: await this.run.findings() });
    });
  }

  /** The next step in numbers. */
  explain() {
    return this.queue(() => (this.run ? this.run.explain() : null));
  }

  /** Opens a new device after the loss of one, and goes on from the last state. @param {string} why */
  async recover(why) {
    const { store } = this;
    const wasRunning = store.state.phase === 'running';
    const kept = this.kept;
    const history = this.live.history;
    store.set({ phase: 'loading', message: { kind: 'error', text: `The device was lost (${why}). Opening a new one.` } });
    await this.last; // the calls under way on the lost device fail by themselves
    const now = performance.now();
    this.losses = [...this.losses.filter(then => now - then < 60_000), now];
    if (this.losses.length >= MOST_LOSSES) this.kind = 'cpu'; // this training, or this driver, is not for this GPU
    try {
      this.run = null; // its buffers went with the device
      await this.open();
      if (!(await this.start())) return;
      if (kept) {
        await this.queue(async () => {
          await this.run.restore(kept.bytes);
          history.backTo(kept.step);
          this.live.history = history;
          this.kept = kept;
          const progress = await this.run.advance(0);
          await this.look(true);
          store.set({ progress });
          this.tell('frame');
        });
      }
      store.set({
        phase: wasRunning ? 'running' : 'ready',
        message: {
          kind: 'note',
          text: `The device was lost (${why}). The run goes on from step ${kept?.step ?? 0} on ${this.device.name}.`,
        },
      });
    } catch (/** @type {any} */ error) {
      store.set({
        phase: 'failed',
        message: { kind: 'error', text: `The device was lost, and no new one could be opened: ${error.message}` },
      });
    }
  }

  /** Whether an error came from the loss of a device, which then has been or will be replaced. @param {any} device */
  async isLost(device) {
    const never = Symbol();
    return (await Promise.race([device.lost, new Promise(resolve => setTimeout(() => resolve(never), 400))])) !== never;
  }
}

/** A square around the rows, with a margin. @param {{ inputs: Float32Array, rows: number }} data */
function windowOf({ inputs, rows }) {
  const [across, up] = [0, 1].map(axis => spread(inputs.filter((_, at) => at % 2 === axis)));
  // Shapes reach as far both ways; columns of a table have units of their own.
  const alike = Math.max(across[1] - across[0], up[1] - up[0]) < 4 * Math.min(across[1] - across[0], up[1] - up[0]);
  const margin = rows < 20 ? 1.4 : 1.15; // the corners of a gate are all there is to see of it
  const half = (/** @type {number[]} */ [low, high]) => ((high - low) / 2) * margin;
  const [a, b] = [half(across), half(up)];
  const around = (/** @type {number[]} */ [low, high], /** @type {number} */ size) =>
    /** @type {[number, number]} */ ([(low + high) / 2 - size, (low + high) / 2 + size]);
  return { x: around(across, alike ? Math.max(a, b) : a), y: around(up, alike ? Math.max(a, b) : b) };
}

/** @param {{ inputs: Float32Array }} data @param {{ x: number[], y: number[] }} window */
const inside = ({ inputs }, { x, y }) =>
  inputs.every((value, at) => (at % 2 ? value >= y[0] && value <= y[1] : value >= x[0] && value <= x[1]));
