// The state of a camera in a word, with its colour.
import { html } from "./dom.js";
import { capital } from "./format.js";

const GOOD = new Set(["live", "playing"]);
const WAITING = new Set(["connecting", "ended"]);

/** Return the state of a camera's figures: in lower case; a recording plays or has ended. */
export function stateOf({ connection }) {
  return connection ? connection.state.toLowerCase() : "playing";
}

/** Shows a state; more: words after it. */
export function StatePill({ state, more = "" }) {
  const kind = GOOD.has(state) ? "good" : WAITING.has(state) ? "waiting" : "bad";
  return html`<span class=${`pill ${kind}`}>${capital(state)}${more && ` · ${more}`}</span>`;
}
