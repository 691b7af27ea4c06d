// What pages use of the module `wgrad-web`: everything by name, and calls on a run one after the other, since each may
// wait for the device.

/** The table of rows that stand in for a data set: `{csv}`, or nothing. @param {{csv: string} | null | undefined} rows */
const tableOf = rows => rows?.csv;

/** A name for the browser's adapter, which may give none itself. */
async function adapterName() {
  const adapter = await navigator.gpu?.requestAdapter();
  const info = adapter?.info;
  return info ? [info.vendor, info.architecture, info.device].filter(Boolean).join(' ') || 'WebGPU' : null;
}

/** A run whose calls wait for each other. */
class Run {
  #run; #last = Promise.resolve(); #data; #settings; #rows; #device; #twin;

  constructor(run, device, settings, rows) {
    [this.#run, this.#device, this.#settings, this.#rows] = [run, device, settings, rows];
    this.#look();
  }

  #look() {
    this.info = this.#run.info();
    this.#data = this.#run.data();
  }

  #call(call) {
    const next = this.#last.then(() => {
      if (!this.#run) throw new Error('the run is freed');
      return call(this.#run);
    });
    this.#last = next.catch(() => {});
    return next;
  }

  data() { return this.#data; }
  advance(steps) { return this.#call(run => run.advance(steps)); }
  parameters() { return this.#call(run => run.parameters()); }
  grid({ width, height, x, y }) { return this.#call(run => run.grid(width, height, new Float64Array([...x, ...y]))); }
  hidden() { return this.#call(run => run.hidden()); }

  /** On a device of the second module, which stays open. */
  explain() {
    return this.#call(async run => {
      const module = await reference();
      const own = await (this.#twin ??= twin(this.#device));
      const settings = { ...this.#settings, layers: this.info.layers.join(','), loss: this.info.loss };
      try {
        return await module.explain(own, settings, tableOf(this.#rows), await run.state());
      } catch (error) {
        this.#twin = undefined; // It may be lost: the next time on another.
        throw error;
      }
    });
  }

  findings() { return this.#call(run => run.findings()); }
  state() { return this.#call(run => run.state()); }
  restore(bytes) { return this.#call(run => run.restore(bytes)); }

  replace_rows(rows) {
    return this.#call(async run => {
      await run.replace_rows(tableOf(rows));
      this.#rows = rows;
      this.#look();
    });
  }

  /** Frees it once the calls under way are done. */
  free() {
    return this.#call(run => {
      this.#run = null;
      run.free();
      return this.#twin?.then(own => own.lose());
    });
  }
}

/** The second module: the check, and a step in numbers. */
let second;
const reference = () => {
  second ??= import('./pkg/reference/wgrad_web.js').then(async module => (await module.default(), module));
  return second;
};

/** A device of the second module like one of the first. */
const twin = async device => {
  const { Device } = await reference();
  return device.engine === 'webgpu' ? await Device.webgpu(device.name) ?? Device.cpu() : Device.cpu();
};

/** Loads the module from `pkg/` beside this file. */
export async function load() {
  const module = await import('./pkg/playground/wgrad_web.js');
  await module.default();

  const devices = new WeakMap();
  const wrap = (inner, note) => {
    const device = {
      engine: inner.engine,
      name: inner.name,
      note,
      lost: inner.lost(),
      lose: () => inner.lose(),
      close: () => inner.lose(),
    };
    devices.set(device, inner);
    return device;
  };

  return {
    version: module.version(),
    schema: () => module.schema(),
    check_settings(settings, rows) {
      try {
        return { ok: true, ...module.resolve(settings, tableOf(rows)) };
      } catch (error) {
        return { ok: false, setting: error.setting ?? null, message: error.message };
      }
    },
    to_toml: (settings, file) => module.to_toml(settings, file),
    from_toml: text => module.from_toml(text),

    async open(kind = 'webgpu') {
      if (kind === 'cpu') return wrap(module.Device.cpu(), 'The CPU was asked for.');
      if (!navigator.gpu) {
        return wrap(module.Device.cpu(), 'This browser has no WebGPU here, so that the CPU computes.');
      }
      const name = await adapterName();
      const device = name === null ? undefined : await module.Device.webgpu(name);
      return device
        ? wrap(device, '')
        : wrap(module.Device.cpu(), 'WebGPU finds no adapter here, so that the CPU computes.');
    },
    start: async (device, settings, rows) =>
      new Run(await module.Run.start(devices.get(device), settings, tableOf(rows)), device, settings, rows),
    odds: (device, settings, { starts = 4096, rows } = {}, progress = () => {}, cancelled = () => false) =>
      module.odds(devices.get(device), settings, tableOf(rows), starts, progress, cancelled),
    odds_map: (device, settings, { rates, widths, starts = 256, rows }, progress = () => {}, cancelled = () => false) =>
      module.odds_map(devices.get(device), settings, tableOf(rows), new Float32Array(rates),
        new Uint32Array(widths), starts, progress, cancelled),
    /** On a device of its own: a device that is checked does nothing else meanwhile. */
    async check(device, { filter } = {}, progress = () => {}, cancelled = () => false) {
      const module = await reference();
      const own = await twin(device);
      try {
        const report = await module.check(own, filter, progress, cancelled);
        report.report += `\nbrowser: ${navigator.userAgent}\n`;
        return report;
      } finally {
        own.lose();
      }
    },
  };
}
