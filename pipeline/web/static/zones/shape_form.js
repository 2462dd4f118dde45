// Name, classes and times of the shape that is selected.
import { html } from "../shared/dom.js";

/** change(next, step): see useHistory; classes: names that were seen */
export function ShapeForm({ shape, change, remove, classes, camera }) {
  const set = (key, value) => change({ ...shape, [key]: value }, `${key} of a shape`);
  const onClasses = ({ target }) => {
    const names = target.value.split(",").map((each) => each.trim());
    set("classes", names.some(Boolean) ? names.filter(Boolean) : null);
  };
  const onDwell = ({ target }) => set("dwell_seconds", target.value ? Number(target.value) : null);
  const everywhere = !shape.streams;
  return html`<form class="card" onSubmit=${(event) => event.preventDefault()}>
    <h2>${shape.kind === "line" ? "Line" : "Zone"}</h2>
    <label>
      Name
      <input
        value=${shape.name}
        maxlength="64"
        onInput=${({ target }) => set("name", target.value)}
      />
    </label>
    <label>
      Classes
      <input
        value=${(shape.classes ?? []).join(", ")}
        placeholder="all"
        list="classes"
        onChange=${onClasses}
      />
      <datalist id="classes">${classes.map((each) => html`<option value=${each} />`)}</datalist>
    </label>
    ${shape.kind === "zone" &&
    html`<label>
      Report a stay longer than (seconds)
      <input
        type="number"
        min="0.1"
        step="any"
        value=${shape.dwell_seconds ?? ""}
        placeholder="never"
        onChange=${onDwell}
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
