// The review page: a frame, its boxes, and the keys that correct them.
import { html, useEffect, useRef, useState } from "../shared/dom.js";
import { Chosen } from "./chosen.js";
import { Filter, NO_FILTER, nextFrame } from "./filter.js";
import { useLabels } from "./labels.js";
import { Picture } from "./picture.js";

const NOTHING = {};
const TYPED = /^(text|number)$/; // types of fields that take letters and digits
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
  const [chosen, setChosen] = useState(NOTHING); // { track }, or { row } of a box without one
  const [held, setHeld] = useState(null); // track that is to be merged
  const [drawing, setDrawing] = useState(false);
  const [filter, setFilter] = useState(NO_FILTER);
  const [said, setSaid] = useState("");
  useLeaveWarning(summary && !summary.saved);

  const each = boxes.find(({ row, track }) => track === chosen.track || row === chosen.row) ?? null;
  const target = each && (each.track === null ? { row: each.row } : { track: each.track });

  function step(by) {
    return goTo(({ summary: { frames }, frame: now }) => {
      const place = frames.indexOf(now) + by;
      return frames[Math.min(Math.max(0, place), frames.length - 1)];
    });
  }

  /** Choose a box and, in other frames, its track. */
  function choose(row, among = boxes) {
    const box = among.find((other) => other.row === row);
    setChosen(!box ? NOTHING : box.track === null ? { row } : { track: box.track });
  }

  function goTo(next) {
    setSaid("");
    if (chosen.track === undefined) setChosen(NOTHING);
    return show(next);
  }

  async function go(direction) {
    const next = await nextFrame(filter, frame, direction);
    if (!next) setSaid(`No ${direction > 0 ? "later" : "earlier"} frame has such a box.`);
    else choose(next.row, (await goTo(next.frame)).boxes);
  }

  function merge() {
    if (held === null || held === each.track) {
      setHeld(held === each.track ? null : each.track);
      return;
    }
    edit({ action: "merge", track: held, other: each.track });
    setChosen({ track: held });
    setHeld(null);
  }

  function chooseNext(by) {
    const order = boxes.map(({ row }) => row);
    const place = order.indexOf(each?.row);
    const next = place < 0 && by < 0 ? order.length - 1 : (place + by + order.length) % order.length;
    choose(order[next]);
  }

  const act = {
    classify: (name) => edit({ action: "class", ...target, class_name: name }),
    deleteBox: () => edit({ action: "delete", row: each.row }),
    deleteTrack: () => edit({ action: "delete", ...target }),
    split: async () =>
      choose(each.row, (await edit({ action: "split", track: each.track, frame })).boxes),
    merge,
  };

  /** Do something with the chosen box, or say why not. */
  function withBox(action, { tracked = false } = {}) {
    if (!each) setSaid("Choose a box first: click it, or press X.");
    else if (tracked && each.track === null) setSaid("The chosen box belongs to no track.");
    else action();
  }

  const keys = {
    ArrowRight: (event) => step(event.shiftKey ? 10 : 1),
    ArrowLeft: (event) => step(event.shiftKey ? -10 : -1),
    n: () => go(1),
    b: () => go(-1),
    x: (event) => chooseNext(event.shiftKey ? -1 : 1),
    Delete: (event) => withBox(event.shiftKey ? act.deleteTrack : act.deleteBox),
    s: (event) =>
      event.ctrlKey || event.metaKey ? save() : withBox(act.split, { tracked: true }),
    m: () => withBox(merge, { tracked: true }),
    a: () => setDrawing(!drawing),
    z: () => edit({ action: "undo" }),
    y: () => edit({ action: "redo" }),
    Escape: () => {
      setDrawing(false);
      setHeld(null);
      setChosen(NOTHING);
      setSaid("");
    },
  };
  (summary?.classes ?? []).slice(0, 9).forEach((name, place) => {
    keys[String(place + 1)] = () => withBox(() => act.classify(name));
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
    <div class="messages">
      <p class="problem" role="alert">${error}</p>
      <p class="hint" role="status">${drawing ? "Draw a box with the mouse." : said}</p>
    </div>
    <div class="columns">
      <div>
        <${Picture}
          frame=${frame}
          size=${summary}
          boxes=${boxes}
          chosen=${each?.row}
          drawing=${drawing}
          choose=${choose}
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
 * Call what belongs to a key, unless a field that takes it has the focus.
 *
 * The keys of the last rendering count, also for one that is pressed right after it.
 */
function useKeys(keys) {
  const latest = useRef();
  latest.current = keys;
  useEffect(() => {
    const pressed = (event) => {
      const { tagName, type } = event.target;
      const typing = tagName === "SELECT" || (tagName === "INPUT" && TYPED.test(type));
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
