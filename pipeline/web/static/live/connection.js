// The WebSocket of a live view, which is made again whenever it is lost.

const FIRST_PAUSE = 500; // ms
const MAX_PAUSE = 5000;
const SILENCE = 6000; // ms; the server says something each second
const NO_SUCH_CAMERA = 4404;
const TOO_MANY_VIEWERS = 1013;
const REFUSED = 1008;

/** Why there is no connection, by the code of its end; other codes need no words. */
const REASONS = {
  [NO_SUCH_CAMERA]: "This camera has been removed.",
  [TOO_MANY_VIEWERS]: "Too many viewers are connected.",
  [REFUSED]: "The login has expired.",
};

/** Receives the messages of a camera's live view, and connects again by itself. */
export class Connection {
  /**
   * mode: "jpeg", or "" for video where the camera has it
   * opened(): a new connection begins; text(content), binary(buffer): a message;
   * lost(why): there is no connection; why: in words, or empty
   */
  constructor(name, mode, { opened, text, binary, lost }) {
    this.name = name;
    this.mode = mode;
    this.on = { opened, text, binary, lost };
    this.pause = FIRST_PAUSE;
    this.closed = false;
    this.#open();
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
    clearTimeout(this.watch);
    this.#drop();
  }

  /** Connect anew, in another mode. */
  restart(mode) {
    this.mode = mode;
    clearTimeout(this.retry);
    this.#drop();
    this.#open();
  }

  #open() {
    const url = new URL(`/api/v1/cameras/${encodeURIComponent(this.name)}/live`, window.location);
    url.protocol = url.protocol.replace("http", "ws");
    if (this.mode) url.searchParams.set("mode", this.mode);
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.on.opened();
      this.#watch();
    };
    socket.onmessage = ({ data }) => {
      this.pause = FIRST_PAUSE;
      this.#watch();
      if (typeof data === "string") this.on.text(JSON.parse(data));
      else this.on.binary(data);
    };
    socket.onclose = ({ code }) => this.#lost(REASONS[code] ?? "");
    this.socket = socket;
  }

  #lost(why) {
    clearTimeout(this.watch);
    this.#drop();
    this.on.lost(why);
    this.retry = setTimeout(() => this.#open(), this.pause * (0.8 + 0.4 * Math.random()));
    this.pause = Math.min(this.pause * 2, MAX_PAUSE);
  }

  #watch() {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => this.#lost(""), SILENCE);
  }

  #drop() {
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }
}
