// Name, classes and times of the shape that is selected.
import { html, useState } from "../shared/dom.js";

/** change(next, step): see useHistory; classes: names that were seen */
export function ShapeForm({ shape, change, remove, classes, camera }) {
  const set = (key, value) => change({ ...shape, [key]: value }, `${key} of a shape`);
  const setClasses = (text) => {
    const names = text.split(",").map((each) => each.trim());
    set("classes", names.some(Boolean) ? names.filter(Boolean) : null);
  };
  const setDwell = (text) => set("dwell_seconds", Number(text) > 0 ? Number(text) : null);
  const everywhere = !shape.streams;
  return html`<form class="card" onSubmit=${(event) => event.preventDefault()}>
    <h2>${shape.kind === "line" ? "Line" : "Zone"}</h2>
    <label>
      Name
      <${Draft} value=${shape.name} maxlength="64" commit=${(text) => set("name", text)} />
    </label>
    <label>
      Classes
      <${Draft}
        value=${(shape.classes ?? []).join(", ")}
        placeholder="all"
        list="classes"
        commit=${setClasses}
      />
      <datalist id="classes">${classes.map((each) => html`<option value=${each} />`)}</datalist>
    </label>
    ${shape.kind === "zone" &&
    html`<label>
      Report a stay longer than (seconds)
      <${Draft}
        type="number"
        min="0.1"
        step="any"
        value=${shape.dwell_seconds ?? ""}
        placeholder="never"
        commit=${setDwell}
      />
    </label>`}
    <label class="check">
      <input
        type="checkbox"
        checked=${everywhere}
        onChange=${({ target }) => set("streams", target.checked ? null : [camera])}
      />
      On all cameras
    </label>
    <footer><button type="button" class="danger" onClick=${remove}>Delete</button></footer>
  </form>`;
}

/** An input that keeps what is typed, until it is left; commit(text): what it means so far. */
function Draft({ value, commit, ...attributes }) {
  const [draft, setDraft] = useState(null);
  const onInput = ({ target }) => {
    setDraft(target.value);
    commit(target.value);
  };
  return html`<input
    ...${attributes}
    value=${draft ?? value}
    onInput=${onInput}
    onBlur=${() => setDraft(null)}
  />`;
}
