// How long ago the camera saw what is shown, by the server's clock.

const HERTZ = 90000;

export class Moments {
  constructor() {
    this.status = null;
  }

  /** Note a status message. */
  add(status) {
    if (status.captured === undefined) return;
    this.status = { ...status, receivedAt: performance.now() };
  }

  clear() {
    this.status = null;
  }

  /** Return the age of the frame at `ticks` in seconds; null if it is not known. */
  behind(ticks) {
    if (!this.status || ticks === null) return null;
    const now = this.status.now + (performance.now() - this.status.receivedAt) / 1000;
    const captured = this.status.captured + (ticks - this.status.ticks) / HERTZ;
    return Math.max(0, now - captured);
  }
}
