// The losses of a run, thinned out as it grows: never more than a fixed number of points, each the mean of as many steps.

const MOST = 1200;

export class History {
  /** @param {number} [every] steps of an epoch, and of a point at first, since the loss of one batch is mostly noise */
  constructor(every = 1) {
    /** @type {{ x: number, y: number }[]} */
    this.training = [];
    /** @type {{ x: number, y: number }[]} */
    this.validation = [];
    this.perEpoch = every;
    this.every = Math.max(1, Math.round(every));
    this.sum = 0;
    this.count = 0;
    this.step = 0;
  }

  /**
   * Losses of steps, of which `last` is the number of the last one, and what was evaluated after it.
   * @param {ArrayLike<number>} losses @param {number} last @param {number | null} validation
   */
  add(losses, last, validation) {
    for (let at = 0; at < losses.length; at++) {
      this.sum += losses[at];
      this.count++;
      if (this.count >= this.every) {
        this.training.push({ x: last - losses.length + at + 1, y: this.sum / this.count });
        this.sum = this.count = 0;
        if (this.training.length > MOST) this.halve();
      }
    }
    this.step = last;
    if (validation !== null && validation !== undefined) {
      this.validation.push({ x: last, y: validation });
      if (this.validation.length > MOST) this.validation = this.validation.filter((_, place) => place % 2);
    }
  }

  halve() {
    const merged = [];
    for (let at = 0; at + 1 < this.training.length; at += 2) {
      const [a, b] = [this.training[at], this.training[at + 1]];
      merged.push({ x: b.x, y: (a.y + b.y) / 2 });
    }
    this.training = merged;
    this.every *= 2;
  }

  /** Forgets what came after a step, when a run goes on from there. @param {number} step */
  backTo(step) {
    this.training = this.training.filter(point => point.x <= step);
    this.validation = this.validation.filter(point => point.x <= step);
    this.sum = this.count = 0;
    this.step = step;
  }
}
