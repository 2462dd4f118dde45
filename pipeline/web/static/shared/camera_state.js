// The state of a camera in a word, with its colour; and that there is no such camera.
import { html } from "./dom.js";
import { capital } from "./format.js";
import { href } from "./route.js";
import { Empty } from "./states.js";

const GOOD = new Set(["live", "playing"]);
const WAITING = new Set(["connecting", "ended"]);

/** Return the state of a camera's figures: in lower case; a recording plays or has ended. */
export function stateOf({ connection }) {
  return connection ? connection.state.toLowerCase() : "playing";
}

/** Says that no camera has this name, and leads to those that there are. */
export function NoCamera({ name }) {
  return html`<${Empty} title=${`There is no camera ‘${name}’`}
    hint="It may have been removed, or has another name.">
    <a class="button" href=${href("cameras")}>All cameras</a>
  <//>`;
}

/** Shows a state; more: words after it. */
export function StatePill({ state, more = "" }) {
  const kind = GOOD.has(state) ? "good" : WAITING.has(state) ? "waiting" : "bad";
  return html`<span class=${`pill ${kind}`}>${capital(state)}${more && ` · ${more}`}</span>`;
}
