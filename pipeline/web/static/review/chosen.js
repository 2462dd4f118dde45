// The chosen box, and what can be done with it and its track.
import { html } from "../shared/dom.js";

/**
 * Shows the chosen box.
 *
 * each: the box; held: the track that was held for merging, null; act: what can be done
 */
export function Chosen({ each, classes, held, act }) {
  if (!each) {
    return html`<section class="card">
      <h2>No box is chosen</h2>
      <p class="hint">Click a box, or press <kbd>X</kbd>.</p>
    </section>`;
  }
  const tracked = each.track !== null;
  return html`<section class="card" aria-label="Chosen box">
    <h2>${tracked ? `Track ${each.track}` : "Box without track"}</h2>
    <p class="hint">
      ${each.mark === "none" ? "drawn by a person" : each.mark}
      ${each.score !== null && `, score ${each.score.toFixed(2)}`}
      ${tracked && `, frames ${each.first} to ${each.last}`}
    </p>
    <label>
      Class
      <select value=${each.class} onChange=${({ target }) => {
        target.blur();
        act.classify(target.value);
      }}>
        ${classes.map((name) => html`<option>${name}</option>`)}
      </select>
    </label>
    <div class="actions">
      <button type="button" onClick=${act.deleteBox}>Delete box <kbd>Del</kbd></button>
      ${tracked &&
      html`<button type="button" onClick=${act.deleteTrack}>Delete track <kbd>Shift Del</kbd></button>
        <button type="button" onClick=${act.split}>Split here <kbd>S</kbd></button>
        <button type="button" onClick=${act.merge}>
          ${held === null || held === each.track ? "Merge with …" : `Merge with ${held}`} <kbd>M</kbd>
        </button>`}
    </div>
    ${held !== null &&
    html`<p class="hint">Track ${held} is held: choose the other one, and press M again.</p>`}
  </section>`;
}
