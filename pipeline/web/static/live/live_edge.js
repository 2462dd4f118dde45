// Keeps a video element near the newest frame, and late enough that a frame's tracks are there.

const LEAST = 0.12; // seconds behind the newest frame
const MOST = 1.5;
const SPARE = 0.06; // seconds beyond what tracks take
const MEMORY = 5; // seconds for which a late message counts
const JUMP = 2; // seconds too much that are skipped instead of played faster
const NEAR = 0.04; // seconds that need no correction
const SLOWER = 0.5;
const FASTER = 0.2;

export class LiveEdge {
  constructor(video) {
    this.video = video;
    this.lags = []; // of { at, lag }, in seconds
    video.addEventListener("waiting", () => this.#note(LEAST)); // it ran dry
    this.timer = setInterval(() => this.adjust(), 200);
  }

  close() {
    clearInterval(this.timer);
  }

  /** Note that the tracks of the frame at `seconds` of the video have come. */
  tracksCame(seconds) {
    const end = this.#end();
    if (end !== null) this.#note(end - seconds);
  }

  /** How far behind the newest frame the video should be, in seconds. */
  get wanted() {
    const since = performance.now() / 1000 - MEMORY;
    this.lags = this.lags.filter((each) => each.at > since);
    const lag = Math.max(0, ...this.lags.map((each) => each.lag));
    return Math.min(MOST, Math.max(LEAST, lag + SPARE));
  }

  /** Play a little faster or slower; jump if it is far behind, or in a gap. */
  adjust() {
    const end = this.#end();
    if (end === null) return;
    const { video, wanted } = this;
    const start = video.buffered.start(video.buffered.length - 1);
    const over = end - video.currentTime - wanted;
    if (video.currentTime < start || over > JUMP) {
      video.currentTime = Math.max(start, end - wanted);
      video.playbackRate = 1;
    } else {
      video.playbackRate = Math.abs(over) < NEAR ? 1 : 1 + Math.min(FASTER, Math.max(-SLOWER, over));
    }
    if (video.paused && !document.hidden) video.play().catch(() => {}); // the next call tries again
  }

  #end() {
    const { buffered } = this.video;
    return buffered.length ? buffered.end(buffered.length - 1) : null;
  }

  #note(lag) {
    this.lags.push({ at: performance.now() / 1000, lag });
  }
}
