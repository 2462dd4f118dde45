// One line for each camera over time, drawn by uPlot.
import { html, useEffect, useMemo, useRef } from "../shared/dom.js";
import { clock } from "../shared/format.js";

const HEIGHT = 180; // pixels
const COLOURS = ["#0d9488", "#d97706", "#7c3aed", "#dc2626", "#2563eb", "#65a30d", "#db2777"];
const STEPS = [1, 2, 5, 10, 30, 60, 120, 300]; // seconds between two marks
const MAX_LINES = COLOURS.length;

/** value(reading, name): the number that is drawn for a camera; history: see system.js. */
export function Chart({ title, history, value }) {
  const element = useRef(null);
  const plot = useRef(null);
  const names = Object.keys(history.at(-1)?.fps ?? {}).slice(0, MAX_LINES);
  const key = names.join("\n");
  const data = useMemo(
    () => [
      history.map((reading) => reading.at),
      ...names.map((name) => history.map((reading) => value(reading, name) ?? null)),
    ],
    [history, key],
  );
  useEffect(() => {
    if (!names.length) return undefined;
    plot.current = new window.uPlot(options(element.current, names), data, element.current);
    const observer = new ResizeObserver(() =>
      plot.current.setSize({ width: element.current.clientWidth, height: HEIGHT }),
    );
    observer.observe(element.current);
    return () => {
      observer.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [key]);
  useEffect(() => plot.current?.setData(data), [data]);
  return html`<section class="card">
    <h2>${title}</h2>
    <div class="chart" ref=${element} role="img" aria-label=${`${title}, over time`}>
      ${!names.length && html`<p class="hint">The first values come in a few seconds.</p>`}
    </div>
  </section>`;
}

function options(element, names) {
  const style = getComputedStyle(element);
  const axis = {
    stroke: style.getPropertyValue("--quiet"),
    grid: { stroke: style.getPropertyValue("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false } },
    legend: { live: false },
    series: [
      {},
      ...names.map((label, place) => ({
        label,
        stroke: COLOURS[place],
        width: 2,
        points: { show: false },
      })),
    ],
    scales: { y: { range: (_, __, high) => [0, Math.max(1, high * 1.1)] } },
    axes: [
      { ...axis, space: 70, incrs: STEPS, values: (_, marks) => marks.map(clock) },
      { ...axis, size: 64 },
    ],
  };
}
