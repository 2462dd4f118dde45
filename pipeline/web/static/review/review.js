// The review page: a frame, its boxes, and the keys that correct them.
import { html, useEffect, useRef, useState } from "../shared/dom.js";
import { Chosen } from "./chosen.js";
import { Filter, NO_FILTER, nextFrame } from "./filter.js";
import { useLabels } from "./labels.js";
import { Picture } from "./picture.js";

const KEYS = [
  ["← →", "step a frame, with Shift ten"],
  ["N, B", "next, previous frame that fits the filter"],
  ["X", "choose the next box, with Shift the one before"],
  ["1 … 9", "give the track a class"],
  ["Del", "delete the box, with Shift the track"],
  ["S", "split the track at this frame"],
  ["M", "merge: on one track, then on the other"],
  ["A", "draw a box of the chosen class"],
  ["Z, Y", "undo, redo"],
  ["Ctrl S", "save"],
];

export function Review() {
  const labels = useLabels();
  const { summary, boxes, frame, error, show, edit, save } = labels;
  const [chosen, setChosen] = useState(null); // row
  const [held, setHeld] = useState(null); // track that is to be merged
  const [drawing, setDrawing] = useState(false);
  const [filter, setFilter] = useState(NO_FILTER);
  const [said, setSaid] = useState("");
  useLeaveWarning(summary && !summary.saved);

  const each = boxes.find(({ row }) => row === chosen) ?? null;
  const target = each && (each.track === null ? { row: each.row } : { track: each.track });

  function step(by) {
    return goTo(({ summary: { frames }, frame: now }) => {
      const place = frames.indexOf(now) + by;
      return frames[Math.min(Math.max(0, place), frames.length - 1)];
    });
  }

  async function goTo(next) {
    setSaid("");
    await show(next);
    setChosen(null);
  }

  async function go(direction) {
    const next = await nextFrame(filter, frame, direction);
    if (next === null) setSaid(`No ${direction > 0 ? "later" : "earlier"} frame fits the filter.`);
    else await goTo(next);
  }

  function merge() {
    if (!each || each.track === null) return;
    if (held === null || held === each.track) {
      setHeld(held === each.track ? null : each.track);
      return;
    }
    edit({ action: "merge", track: held, other: each.track });
    setHeld(null);
  }

  function chooseNext(by) {
    const order = boxes.map(({ row }) => row);
    const place = order.indexOf(chosen);
    const next = place < 0 && by < 0 ? order.length - 1 : (place + by + order.length) % order.length;
    setChosen(order[next] ?? null);
  }

  const act = {
    classify: (name) => edit({ action: "class", ...target, class_name: name }),
    deleteBox: () => edit({ action: "delete", row: each.row }),
    deleteTrack: () => edit({ action: "delete", ...target }),
    split: () => each.track !== null && edit({ action: "split", track: each.track, frame }),
    merge,
  };

  const keys = {
    ArrowRight: (event) => step(event.shiftKey ? 10 : 1),
    ArrowLeft: (event) => step(event.shiftKey ? -10 : -1),
    n: () => go(1),
    b: () => go(-1),
    x: (event) => chooseNext(event.shiftKey ? -1 : 1),
    Delete: (event) => each && (event.shiftKey ? act.deleteTrack() : act.deleteBox()),
    s: (event) => (event.ctrlKey || event.metaKey ? save() : each && act.split()),
    m: merge,
    a: () => setDrawing(!drawing),
    z: () => edit({ action: "undo" }),
    y: () => edit({ action: "redo" }),
    Escape: () => {
      setDrawing(false);
      setHeld(null);
      setChosen(null);
    },
  };
  (summary?.classes ?? []).slice(0, 9).forEach((name, place) => {
    keys[String(place + 1)] = () => each && act.classify(name);
  });
  useKeys(keys);

  if (!summary) return html`<main class="review"><p role="status">${error || "Loading …"}</p></main>`;
  if (!summary.frames.length) return html`<main class="review"><p>No frame is labelled.</p></main>`;
  return html`<main class="review">
    <div class="head">
      <h1>${summary.name}</h1>
      <p class="summary">
        Frame ${frame} of ${summary.frames.at(-1)}, ${summary.boxes} boxes, ${summary.tracks} tracks
      </p>
      <span class="gap"></span>
      <button type="button" disabled=${!summary.can_undo} onClick=${keys.z}>Undo</button>
      <button type="button" disabled=${!summary.can_redo} onClick=${keys.y}>Redo</button>
      <button type="button" class="main" disabled=${summary.saved} onClick=${save}>
        ${summary.saved ? "Saved" : `Save ${summary.output}`}
      </button>
    </div>
    <p class="problem" role="alert">${error}</p>
    <div class="columns">
      <div>
        <${Picture}
          frame=${frame}
          size=${summary}
          boxes=${boxes}
          chosen=${chosen}
          drawing=${drawing}
          choose=${setChosen}
          move=${(row, box) => edit({ action: "move", row, box })}
          draw=${(box) => {
            setDrawing(false);
            edit({ action: "add", frame, box, class_name: each?.class ?? summary.classes[0] });
          }}
        />
        <input
          type="range"
          aria-label="Frame"
          min="0"
          max=${summary.frames.length - 1}
          value=${summary.frames.indexOf(frame)}
          onInput=${({ target: { value } }) => goTo(summary.frames[Number(value)])}
        />
        <p class="hint" role="status">${drawing ? "Draw a box with the mouse." : said}</p>
      </div>
      <aside>
        <${Chosen} each=${each} classes=${summary.classes} held=${held} act=${act} />
        <${Filter} filter=${filter} classes=${summary.classes} change=${setFilter} go=${go} />
        <details class="card">
          <summary>Keys</summary>
          <dl>${KEYS.map(([key, what]) => html`<dt><kbd>${key}</kbd></dt><dd>${what}</dd>`)}</dl>
        </details>
      </aside>
    </div>
  </main>`;
}

/**
 * Call what belongs to a key, unless a field has the focus.
 *
 * The keys of the last rendering count, also for one that is pressed right after it.
 */
function useKeys(keys) {
  const latest = useRef();
  latest.current = keys;
  useEffect(() => {
    const pressed = (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      const saving = (event.ctrlKey || event.metaKey) && event.key === "s";
      if ((typing && !saving) || ((event.ctrlKey || event.metaKey || event.altKey) && !saving)) return;
      const act = latest.current[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!act) return;
      event.preventDefault();
      act(event);
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

/** Ask before the page is left with corrections that are not saved. */
function useLeaveWarning(unsaved) {
  useEffect(() => {
    if (!unsaved) return undefined;
    const ask = (event) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [unsaved]);
}
