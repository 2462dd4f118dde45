// How often something happened at a camera's lines and zones.
import { html } from "../shared/dom.js";
import { count } from "../shared/format.js";

/** Shows the counts since the run began; nothing without any line or zone. */
export function Counts({ figures: { counts, occupancy } }) {
  const rows = Object.entries(counts).flatMap(([shape, kinds]) => rowsOf(shape, kinds, occupancy));
  if (!rows.length) return null;
  return html`<section class="card">
    <h2>Counts since the start</h2>
    <table>
      <caption class="hidden">Counts at lines and zones</caption>
      <tbody>
        ${rows.map(
          ([shape, what, number]) => html`<tr>
            <th scope="row">${shape} <small>${what}</small></th>
            <td class="number">${count(number)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}

/** Return [shape, what is counted, number], of all classes together. */
function rowsOf(shape, kinds, occupancy) {
  const rows = Object.entries(kinds).map(([what, byClass]) => [
    shape,
    what,
    Object.values(byClass).reduce((sum, each) => sum + each, 0),
  ]);
  if (shape in occupancy) rows.push([shape, "inside now", occupancy[shape]]);
  return rows.length ? rows : [[shape, "crossed", 0]];
}
