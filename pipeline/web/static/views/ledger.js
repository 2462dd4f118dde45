// What became of a camera's frames, and how old they are along their way.
import { html } from "../shared/dom.js";
import { count, milliseconds } from "../shared/format.js";

/** Shows each outcome; they add up to the decoded frames. */
export function Ledger({ figures }) {
  const rows = [
    ["Emitted", "", figures.emitted, "good"],
    ...figures.dropped.map((each) => ["Dropped", place(each), each.frames, "waiting"]),
    ...figures.failed.map((each) => ["Failed", place(each), each.frames, "bad"]),
  ];
  const ended = rows.reduce((sum, [, , frames]) => sum + frames, 0);
  const waiting = Math.max(0, figures.decoded - ended);
  if (waiting) rows.push(["On their way", "", waiting, ""]);
  return html`<section class="card">
    <h2>Where frames went</h2>
    <table>
      <caption class="hidden">Outcomes of the decoded frames</caption>
      <tbody>
        ${rows.map(
          ([outcome, why, frames, kind]) => html`<tr>
            <th scope="row"><i class=${`dot ${kind}`}></i>${outcome} <small>${why}</small></th>
            <td class="number">${count(frames)}</td>
            <td class="number">${share(frames, figures.decoded)}</td>
          </tr>`,
        )}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Decoded</th>
          <td class="number">${count(figures.decoded)}</td>
          <td></td>
        </tr>
        ${figures.skipped.map(
          (each) => html`<tr>
            <th scope="row">Not decoded <small>${place(each)}</small></th>
            <td class="number">${count(each.frames)}</td>
            <td></td>
          </tr>`,
        )}
      </tfoot>
    </table>
  </section>`;
}

/** Shows the age of frames after each stop on their way. */
export function Ages({ figures }) {
  const stops = Object.entries(figures.age_ms);
  const longest = Math.max(1, ...stops.map(([, age]) => age.p95));
  const total = figures.latency_ms;
  return html`<section class="card">
    <h2>Age of frames by stop</h2>
    <table>
      <thead>
        <tr>
          <th scope="col">After</th>
          <th scope="col" class="number">half</th>
          <th scope="col" class="number">95 %</th>
          <td></td>
        </tr>
      </thead>
      <tbody>
        ${stops.map(
          ([stop, age]) => html`<tr>
            <th scope="row">${stop}</th>
            <td class="number">${milliseconds(age.p50)}</td>
            <td class="number">${milliseconds(age.p95)}</td>
            <td class="meter">
              <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
                <rect width=${(100 * age.p95) / longest} height="4" class="late" />
                <rect width=${(100 * age.p50) / longest} height="4" />
              </svg>
            </td>
          </tr>`,
        )}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">All outputs</th>
          <td class="number">${milliseconds(total.p50)}</td>
          <td class="number">${milliseconds(total.p95)}</td>
          <td></td>
        </tr>
      </tfoot>
    </table>
  </section>`;
}

function place({ stage, reason }) {
  return `${stage.split("/").at(-1)}: ${reason}`;
}

function share(part, whole) {
  return whole ? `${((100 * part) / whole).toFixed(1)} %` : "";
}
