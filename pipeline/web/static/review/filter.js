// Which boxes a person looks for, and the way from one to the next.
import { request } from "../shared/api.js";
import { html } from "../shared/dom.js";

const MARKS = ["detected", "interpolated", "linked"];
export const NO_FILTER = { marks: [], below: null, class_name: null };

/** Shows and changes the filter; go(step): to the next (1) or the previous (-1) frame that fits. */
export function Filter({ filter, classes, change, go }) {
  const mark = (name, on) =>
    change({ ...filter, marks: MARKS.filter((m) => (m === name ? on : filter.marks.includes(m))) });
  return html`<section class="card">
    <h2>Look for</h2>
    <fieldset>
      <legend>Boxes that are</legend>
      ${MARKS.map(
        (name) => html`<label class="check">
          <input
            type="checkbox"
            checked=${filter.marks.includes(name)}
            onChange=${(event) => mark(name, event.target.checked)}
          />
          ${name}
        </label>`,
      )}
    </fieldset>
    <label>
      With a score below
      <input
        type="number"
        min="0"
        max="1"
        step="0.05"
        placeholder="any"
        value=${filter.below ?? ""}
        onKeyDown=${(event) => {
          if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
          else if (event.key === "Escape") event.target.blur();
        }}
        onInput=${({ target }) =>
          change({ ...filter, below: target.value === "" ? null : Number(target.value) })}
      />
    </label>
    <label>
      Of class
      <select
        value=${filter.class_name ?? ""}
        onChange=${({ target }) => {
          target.blur();
          change({ ...filter, class_name: target.value || null });
        }}
      >
        <option value="">any</option>
        ${classes.map((name) => html`<option>${name}</option>`)}
      </select>
    </label>
    <footer>
      <button type="button" onClick=${() => go(-1)}>Previous <kbd>B</kbd></button>
      <button type="button" onClick=${() => go(1)}>Next <kbd>N</kbd></button>
    </footer>
  </section>`;
}

/**
 * Return the nearest frame after (step 1) or before (-1) `frame` with a box that fits, and its row,
 * as { frame, row }; undefined if there is none.
 */
export async function nextFrame(filter, frame, step) {
  const { content } = await request("POST", "/review/find", { body: filter });
  const later = content.found.filter((each) => (each.frame - frame) * step > 0);
  return step > 0 ? later[0] : later.at(-1);
}
