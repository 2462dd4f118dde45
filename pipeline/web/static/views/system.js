// The machine room: latency over time, stages, failures.
import { html, useEffect, useRef, useState } from "../shared/dom.js";
import { count, duration, milliseconds } from "../shared/format.js";
import { usePolled } from "../shared/polled.js";
import { Content } from "../shared/states.js";
import { Chart } from "./chart.js";

const SECONDS = 2; // between two readings
const KEPT = 300; // readings: ten minutes

export function System() {
  const polled = usePolled("/stats", SECONDS);
  const history = useHistory(polled.content);
  const config = usePolled("/config");
  return html`
    <div class="head"><h1>System</h1></div>
    <${Content} polled=${polled} what="the figures">
      ${(stats) => html`
        <${Tiles} stats=${stats} history=${history} />
        ${stats.failures.length > 0 && html`<${Failures} failures=${stats.failures} />`}
        <div class="pair">
          <${Chart}
            title="Latency in ms, 95 % of frames"
            history=${history}
            value=${(reading, name) => reading.latency[name]}
          />
          <${Chart}
            title="Frames per second"
            history=${history}
            value=${(reading, name) => reading.fps[name]}
          />
        </div>
        <${Stages} stages=${stats.stages} history=${history} />
        ${config.content && html`<${Configuration} config=${config.content} />`}
      `}
    <//>
  `;
}

/** Return the latest readings: { at, cpu, fps, latency, busy }, the last three by name. */
function useHistory(stats) {
  const readings = useRef([]);
  const last = useRef(null);
  const [, redraw] = useState(0);
  useEffect(() => {
    if (!stats) return;
    if (last.current && stats.seconds > last.current.seconds) {
      readings.current = [...readings.current, between(last.current, stats)].slice(-KEPT);
      redraw((old) => old + 1);
    } else if (last.current) {
      readings.current = []; // the server has begun anew
    }
    last.current = stats;
  }, [stats]);
  return readings.current;
}

function between(before, now) {
  const seconds = now.seconds - before.seconds;
  const streams = Object.entries(now.streams);
  const per = (name, key, was, is) => Math.max(0, is[name][key] - (was[name]?.[key] ?? 0)) / seconds;
  return {
    at: Date.now() / 1000,
    cpu: (now.cpu_seconds - before.cpu_seconds) / seconds,
    fps: Object.fromEntries(
      streams.map(([name]) => [name, per(name, "emitted", before.streams, now.streams)]),
    ),
    latency: Object.fromEntries(streams.map(([name, each]) => [name, each.latency_ms.p95])),
    busy: Object.fromEntries(
      Object.keys(now.stages).map((name) => [
        name,
        per(name, "busy_seconds", before.stages, now.stages),
      ]),
    ),
  };
}

function Tiles({ stats, history }) {
  const reading = history.at(-1);
  const streams = Object.values(stats.streams);
  const sum = (key) => streams.reduce((total, each) => total + each[key], 0);
  const lost = sum("decoded") - sum("emitted");
  const fps = reading && Object.values(reading.fps).reduce((total, each) => total + each, 0);
  const tiles = [
    ["Running for", duration(stats.seconds)],
    ["CPU cores in use", reading ? reading.cpu.toFixed(2) : "–"],
    ["Frames per second", reading ? fps.toFixed(1) : "–"],
    ["Frames emitted", count(sum("emitted"))],
    ["Not emitted, or on their way", count(lost)],
    ["Failures", count(stats.failures.length)],
  ];
  return html`<dl class="tiles">
    ${tiles.map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}

function Failures({ failures }) {
  return html`<section class="card bad">
    <h2>Failures</h2>
    <ul>
      ${failures.map(
        ({ stage, stream, error }) => html`<li>
          <strong>${stream ?? stage}</strong> ${stream && html`<small>${stage}</small>`} ${error}
        </li>`,
      )}
    </ul>
  </section>`;
}

function Stages({ stages, history }) {
  const busy = history.at(-1)?.busy ?? {};
  return html`<section class="card scroll" tabindex="0" aria-label="Stages and queues">
    <h2>Stages and queues</h2>
    <table>
      <thead>
        <tr>
          <th scope="col">Stage</th>
          <th scope="col" class="number">items</th>
          <th scope="col" class="number">busy</th>
          <th scope="col" class="number">work half</th>
          <th scope="col" class="number">99 %</th>
          <th scope="col" class="number">queued half</th>
          <th scope="col" class="number">99 %</th>
          <th scope="col" class="number">no input</th>
          <th scope="col" class="number">no room</th>
        </tr>
      </thead>
      <tbody>
        ${Object.entries(stages).map(
          ([name, each]) => html`<tr>
            <th scope="row">${name}</th>
            <td class="number">${count(each.items)}</td>
            <td class="number">${name in busy ? `${Math.min(100, Math.round(100 * busy[name]))} %` : "–"}</td>
            <td class="number">${milliseconds(each.work_ms.p50)}</td>
            <td class="number">${milliseconds(each.work_ms.p99)}</td>
            <td class="number">${milliseconds(each.queued_ms.p50)}</td>
            <td class="number">${milliseconds(each.queued_ms.p99)}</td>
            <td class="number">${duration(each.waited_for_input_seconds)}</td>
            <td class="number">${duration(each.waited_for_room_seconds)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
  </section>`;
}

function Configuration({ config }) {
  return html`<details class="card">
    <summary>Configuration</summary>
    <pre tabindex="0">${JSON.stringify(config, null, 2)}</pre>
  </details>`;
}
