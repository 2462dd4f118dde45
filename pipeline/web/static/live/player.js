// The live view of one camera: connection, video or JPEG, and the tracks over it.
import { Connection } from "./connection.js";
import { LiveEdge } from "./live_edge.js";
import { canPlay, HAS_MEDIA_SOURCE, MediaBuffer } from "./media_buffer.js";
import { Moments } from "./moments.js";
import { draw } from "./overlay.js";
import { eachShownFrame, secondsOf, ticksOf } from "./shown_frames.js";
import { Tracks } from "./tracks.js";

const STILL = 2; // seconds without a new frame: the picture is frozen
const MAX_FAILURES = 2; // of the video, until it is JPEG

export class Player {
  /**
   * video, picture, overlay: a <video> and two <canvas> in one place
   * changed(state): called some times a second; its keys:
   *   connected; lost: why not, in words; camera: the camera's state; mode: "video" or "jpeg";
   *   why: there is no video; size: { width, height } of the camera's frames, null until known;
   *   still: seconds without a new frame; behind: seconds since the camera saw what is shown, null
   *   if unknown; classes: seen so far
   */
  constructor(name, { video, picture, overlay }, layers, changed) {
    Object.assign(this, { video, picture, overlay, layers, changed });
    this.tracks = new Tracks();
    this.moments = new Moments();
    this.failures = 0;
    this.shown = null; // ticks
    this.shownAt = performance.now();
    this.state = { connected: false, lost: "", camera: "", mode: "", why: "", size: null };
    this.classes = new Set();
    this.stopFrames = eachShownFrame(video, (seconds) => {
      if (this.state.mode === "video") this.#show(ticksOf(seconds, this.start));
    });
    this.connection = new Connection(name, HAS_MEDIA_SOURCE ? "" : "jpeg", {
      opened: () => this.#opened(),
      text: (message) => this[`on_${message.type}`]?.(message),
      binary: (data) => this.#binary(data),
      lost: (lost) => this.#set({ connected: false, lost }),
    });
    this.timer = setInterval(() => this.#tell(), 250);
  }

  close() {
    clearInterval(this.timer);
    this.stopFrames();
    this.connection.close();
    this.#endVideo();
  }

  setLayers(layers) {
    this.layers = layers;
    this.#redraw();
  }

  #opened() {
    this.#endVideo();
    this.tracks.clear();
    this.moments.clear();
    this.shown = null; // a new time line may begin
    this.#set({ connected: true, lost: "", mode: "" });
  }

  on_format({ mime, width, height, start, why = "" }) {
    if (mime === "image/jpeg") {
      this.#endVideo();
      this.#set({ mode: "jpeg", why });
    } else if (!canPlay(mime)) {
      this.#useJpeg();
    } else {
      this.start = start;
      if (!this.media) {
        this.media = new MediaBuffer(this.video, () => this.#videoFailed());
        this.edge = new LiveEdge(this.video);
      }
      this.media.format(mime);
      this.#set({ mode: "video", why });
      this.#setSize(width, height);
    }
  }

  on_tracks(message) {
    this.tracks.add(message);
    for (const track of message.tracks) this.classes.add(track.class);
    if (this.state.mode === "video") this.edge.tracksCame(secondsOf(message.ticks, this.start));
    if (message.ticks === this.shown) this.#redraw(); // its frame came first
  }

  on_jpeg({ ticks, width, height }) {
    this.next = ticks; // of the picture that follows
    this.#setSize(width, height);
  }

  on_status(message) {
    this.moments.add(message);
    this.#set({ camera: message.state });
  }

  #binary(data) {
    if (this.state.mode === "video") this.media.append(data);
    else if (this.state.mode === "jpeg") this.#drawJpeg(data, this.next);
  }

  async #drawJpeg(data, ticks) {
    const bitmap = await createImageBitmap(new Blob([data], { type: "image/jpeg" }));
    const { width, height } = bitmap;
    if (this.state.mode !== "jpeg" || (this.shown ?? -1) > ticks) return; // a newer one came first
    Object.assign(this.picture, { width, height });
    this.picture.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.#show(ticks);
  }

  /** Note that the frame at `ticks` is on the screen now, and draw its tracks over it. */
  #show(ticks) {
    if (ticks !== this.shown) this.shownAt = performance.now();
    this.shown = ticks;
    this.#redraw();
  }

  #redraw() {
    if (this.shown === null) return;
    const message = this.tracks.at(this.shown);
    const trails = this.layers.trails ? this.tracks.trails(this.shown) : new Map();
    draw(this.overlay, message, trails, this.layers);
    this.overlay.dataset.frame = this.shown;
    this.overlay.dataset.tracks = message?.ticks ?? "";
  }

  #videoFailed() {
    this.failures += 1;
    if (this.failures >= MAX_FAILURES) this.#useJpeg();
    else this.connection.restart("");
  }

  #useJpeg() {
    this.#endVideo();
    this.connection.restart("jpeg");
  }

  #endVideo() {
    this.media?.close();
    this.edge?.close();
    this.media = this.edge = null;
  }

  #setSize(width, height) {
    const { size } = this.state;
    if (size?.width !== width || size.height !== height) this.#set({ size: { width, height } });
  }

  #set(change) {
    Object.assign(this.state, change);
    this.#tell();
  }

  #tell() {
    const still = (performance.now() - this.shownAt) / 1000;
    const behind = this.moments.behind(this.shown);
    this.changed({
      ...this.state,
      shows: this.shown !== null,
      still: still > STILL ? still : 0,
      behind,
      classes: [...this.classes].sort(),
    });
  }
}
