// Fragments of MP4 into a video element, through Media Source Extensions.

const KEPT = 10; // seconds before the current one
const MAX_KEPT = 20; // then the older ones are removed

const Source = window.ManagedMediaSource ?? window.MediaSource; // the first: on iPhones

/** Return whether this browser plays fragments of a MIME type. */
export function canPlay(mime) {
  return Boolean(Source?.isTypeSupported(mime));
}

/** Return whether this browser has Media Source Extensions at all. */
export const HAS_MEDIA_SOURCE = Boolean(Source);

/** Feeds one video element, for one connection; failed() is called when it cannot go on. */
export class MediaBuffer {
  constructor(video, failed) {
    this.video = video;
    this.failed = failed;
    this.waiting = []; // of { mime } and { bytes }
    this.source = new Source();
    this.url = URL.createObjectURL(this.source);
    this.source.addEventListener("sourceopen", () => this.#next(), { once: true });
    video.disableRemotePlayback = true; // ManagedMediaSource asks for it
    video.src = this.url;
  }

  /** Begin a format; its init segment follows. */
  format(mime) {
    this.waiting.push({ mime });
    this.#next();
  }

  append(bytes) {
    this.waiting.push({ bytes });
    this.#next();
  }

  close() {
    this.closed = true;
    URL.revokeObjectURL(this.url);
    this.video.removeAttribute("src");
    this.video.load();
  }

  #next() {
    if (this.closed || this.source.readyState !== "open" || this.buffer?.updating) return;
    try {
      if (this.#removeOld()) return;
      if (this.waiting[0]?.mime) this.#setFormat(this.waiting.shift().mime);
      const bytes = this.#takeBytes();
      if (bytes) this.buffer.appendBuffer(bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  #setFormat(mime) {
    if (this.buffer) {
      this.buffer.changeType(mime);
      return;
    }
    this.buffer = this.source.addSourceBuffer(mime);
    this.buffer.addEventListener("updateend", () => this.#next());
    this.buffer.addEventListener("error", () => this.#fail());
  }

  /** Return everything that waits up to the next format, in one piece. */
  #takeBytes() {
    const end = this.waiting.findIndex((each) => each.mime);
    const parts = this.waiting.splice(0, end < 0 ? this.waiting.length : end);
    if (!parts.length || !this.buffer) return null;
    return joined(parts);
  }

  #removeOld() {
    const { buffered, currentTime } = this.video;
    if (!this.buffer || !buffered.length || currentTime - buffered.start(0) < MAX_KEPT) return false;
    this.buffer.remove(buffered.start(0), currentTime - KEPT);
    return true;
  }

  #fail(error) {
    if (this.closed) return;
    if (error) console.warn("the video cannot go on:", error.message);
    this.failed();
  }
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((size, each) => size + each.bytes.byteLength, 0));
  let at = 0;
  for (const { bytes } of parts) {
    whole.set(new Uint8Array(bytes), at);
    at += bytes.byteLength;
  }
  return whole;
}
