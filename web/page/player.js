// Runs, pauses and steps: how many steps a frame makes, and when to look for what is wrong.

/** @typedef {import('./session.js').Session} Session */
/** @typedef {import('./store.js').Store} Store */

/** Time of a frame for the steps themselves; the rest is for the way to the device and back, the grid and drawing. */
const BUDGET_MS = 6;
/** Above this a frame has too many steps, whatever else it does. */
const TOO_LONG_MS = 40;
const DIAGNOSE_MS = 1200;
/** Between frames for whoever asked the system for less motion: figures and pictures that still can be followed. */
const CALM_MS = 400;

/** How long a whole run takes at each speed, in seconds; 0 is as fast as frames allow, null is one step a frame. */
export const SPEEDS = /** @type {Record<string, { name: string, seconds: number | null }>} */ ({
  step: { name: 'one step a frame', seconds: null },
  slow: { name: 'a run in 60 s', seconds: 60 },
  watch: { name: 'a run in 10 s', seconds: 10 },
  fast: { name: 'as fast as it goes', seconds: 0 },
});

export class Player {
  /** @param {Session} session @param {Store} store */
  constructor(session, store) {
    this.session = session;
    this.store = store;
    this.looping = false;
    this.most = 8; // steps that fit a frame, measured
    this.overhead = TOO_LONG_MS; // ms that an advance takes whatever it does
    store.on(['phase'], () => {
      if (store.state.phase === 'running') this.loop();
    });
  }

  toggle() {
    if (this.store.state.phase === 'running') this.pause();
    else this.run();
  }

  run() {
    const { phase, problem } = this.store.state;
    if (problem || phase !== 'ready') return;
    this.store.set({ phase: 'running', message: null });
  }

  pause() {
    if (this.store.state.phase === 'running') this.store.set({ phase: 'ready' });
  }

  /** One step. */
  async step() {
    this.pause();
    if (this.store.state.phase !== 'ready') return;
    await this.frame(1, true);
    await this.session.diagnose();
  }

  /** @param {number} steps @param {boolean} whole */
  async frame(steps, whole) {
    const { store, session } = this;
    const { device } = session;
    try {
      const { progress, took } = await session.advance(steps, { whole });
      this.fit(steps, took);
      if (progress.diverged)
        store.set({
          phase: 'failed',
          message: {
            kind: 'error',
            text: `Training diverged after step ${progress.step}: the loss or a parameter is not finite any more. The diagnosis says what may help.`,
          },
        });
      else if (progress.done) store.set({ phase: 'done' });
    } catch (/** @type {any} */ error) {
      if (await session.isLost(device)) return; // recover() goes on
      store.set({ phase: 'failed', message: { kind: 'error', text: error.message } });
    }
  }

  /**
   * Learns how many steps fit a frame. One call takes its time even for one step, on a GPU several ms: so the shortest
   * one counts as overhead, and only what is above it is put down to steps.
   * @param {number} steps @param {number} took
   */
  fit(steps, took) {
    if (!steps) return;
    this.overhead = Math.min(this.overhead * 1.001, took, TOO_LONG_MS / 2);
    const spent = took - this.overhead;
    if (took > TOO_LONG_MS || spent > 2 * BUDGET_MS) this.most = Math.max(1, this.most * 0.7);
    else if (spent < BUDGET_MS && steps >= Math.floor(this.most)) this.most *= 1.25;
  }

  async loop() {
    if (this.looping) return;
    this.looping = true;
    const { store, session } = this;
    let before = performance.now();
    let owed = 1;
    let diagnosed = before;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    while (store.state.phase === 'running') {
      const now = performance.now();
      const speed = SPEEDS[store.state.speed].seconds;
      const total = store.state.info.steps;
      if (speed === null) owed = 1;
      else if (speed === 0) owed = this.most;
      else
        owed = Math.min(
          owed + ((Math.min(now - before, calm ? CALM_MS : 100) / 1000) * total) / speed,
          calm ? this.most * 8 : this.most,
        );
      before = now;
      const steps = Math.floor(owed);
      owed -= steps;
      if (steps > 0) await this.frame(steps, false);
      if (store.state.phase === 'running' && now - diagnosed > DIAGNOSE_MS) {
        diagnosed = now;
        await session.diagnose().catch(() => {});
      }
      if (calm) await new Promise(resolve => setTimeout(resolve, CALM_MS));
      await new Promise(requestAnimationFrame);
    }
    this.looping = false;
    // At rest everything is shown as it stands.
    if (store.state.phase !== 'loading' && session.run && store.state.progress) {
      if (store.state.phase !== 'failed') await this.frame(0, true);
      await session.diagnose().catch(() => {});
    }
    if (this.isRunning()) this.loop(); // somebody pressed Run meanwhile
  }

  isRunning() {
    return this.store.state.phase === 'running';
  }
}
