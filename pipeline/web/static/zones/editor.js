// Lines and zones of a camera, edited on its live picture and saved for all.
import { html, useCallback, useEffect, useLayoutEffect, useState } from "../shared/dom.js";
import { cameraPath, request } from "../shared/api.js";
import { NoCamera } from "../shared/camera_state.js";
import { Dialog } from "../shared/dialog.js";
import { usePolled } from "../shared/polled.js";
import { href } from "../shared/route.js";
import { Content, Empty, Failure, Loading } from "../shared/states.js";
import { LivePicture } from "../live/live_picture.js";
import { ALL_LAYERS } from "../live/overlay.js";
import { ShapesCanvas } from "./canvas.js";
import { useHistory } from "./history.js";
import { ShapeForm } from "./shape_form.js";
import { complaintAbout, contentOf, isSeenBy, newShape, shapesOf } from "./shapes.js";

const LAYERS = { ...ALL_LAYERS, labels: false, zones: false, counts: false };
const PATH = "/analytics";

export function ZonesEditor({ camera, admin }) {
  const [saved, setSaved] = useState(null); // { content, etag } as the server has it
  const [error, setError] = useState(null);
  const polled = usePolled(cameraPath(camera));
  const load = useCallback(
    () => request("GET", PATH).then((found) => (setError(null), setSaved(found)), setError),
    [],
  );
  useEffect(() => {
    load();
  }, [load]);
  return html`
    <div class="head">
      <a class="back" href=${href("cameras", camera)} aria-label=${`Back to ${camera}`}>‹</a>
      <h1>Lines and zones <small>${camera}</small></h1>
    </div>
    ${saved
      ? html`<${Content} polled=${polled} what="the camera"
          missing=${html`<${NoCamera} name=${camera} />`}>
          ${({ size }) =>
            html`<${Editor} ...${{ saved, setSaved, camera, admin, load }} known=${size} />`}
        <//>`
      : error?.status === 404
        ? html`<${Empty} title="Lines and zones cannot be changed here"
            hint="This server does not offer them." />`
        : error
          ? html`<${Failure} error=${error} retry=${load} />`
          : html`<${Loading} />`}
  `;
}

/** known: the size of the camera's frames before the live picture says it; null if it had none. */
function Editor({ saved, setSaved, camera, admin, load, known }) {
  const history = useHistory(() => shapesOf(saved.content));
  const shapes = history.present;
  const [selected, setSelected] = useState(null); // the place of a shape
  const [drawing, setDrawing] = useState(null);
  const [live, setLive] = useState(null);
  const size = live?.size ?? known;
  const saving = useSaving({ saved, setSaved, shapes });
  useUndoKeys(history);
  useEffect(() => {
    history.reset(shapesOf(saved.content));
    setSelected(null);
  }, [saved]);
  const replace = (place, next, step) =>
    history.change((old) => old.map((each, i) => (i === place ? next : each)), step);
  const remove = (place) => {
    history.change((old) => old.filter((_, i) => i !== place));
    setSelected(null);
  };
  const drawn = (points) => {
    const kind = drawing;
    setDrawing(null);
    if (!points.length) return;
    history.change((old) => [...old, newShape(kind, points, old, camera)]);
    setSelected(shapes.length);
  };
  const seen = shapes.filter((each) => isSeenBy(each, camera));
  const placeOf = (name) => shapes.findIndex((each) => each.name === name);
  const current = selected === null ? null : shapes[selected];
  return html`
    <div class="beside">
      <section aria-label="Picture">
        <${LivePicture} name=${camera} size=${size} layers=${LAYERS} changed=${setLive}>
          ${size &&
          html`<${ShapesCanvas}
            shapes=${seen}
            selected=${current?.name ?? null}
            select=${(name) => setSelected(name === null ? null : placeOf(name))}
            change=${(shape, next, step) => replace(shapes.indexOf(shape), next, step)}
            drawing=${drawing}
            drawn=${drawn}
            size=${size}
            locked=${!admin}
          />`}
        <//>
        <p class="hint" role="status">${hintFor(drawing, current, size, admin)}</p>
        ${admin && html`<${Tools} ...${{ drawing, setDrawing, history, saving, size }} />`}
      </section>
      <aside>
        <${ShapeList} shapes=${shapes} camera=${camera} selected=${selected} select=${setSelected} />
        ${admin && current &&
        html`<${ShapeForm}
          key=${selected}
          shape=${current}
          change=${(next, step) => replace(selected, next, `${step} ${selected}`)}
          remove=${() => remove(selected)}
          classes=${live?.classes ?? []}
          camera=${camera}
        />`}
      </aside>
    </div>
    ${saving.conflict && html`<${Conflict} saving=${saving} load=${load} />`}
  `;
}

function Tools({ drawing, setDrawing, history, saving, size }) {
  const tool = (kind, label) => html`<button
    type="button"
    aria-pressed=${drawing === kind}
    disabled=${!size}
    onClick=${() => {
      setDrawing(drawing === kind ? null : kind);
      document.querySelector("svg.shapes").focus();
    }}
  >
    ${label}
  </button>`;
  return html`
    <div class="tools">
      ${tool("zone", "New zone")} ${tool("line", "New line")}
      <button type="button" onClick=${history.undo} disabled=${!history.undo}>Undo</button>
      <button type="button" onClick=${history.redo} disabled=${!history.redo}>Redo</button>
      <span class="gap"></span>
      <button
        type="button"
        class="main"
        onClick=${() => saving.save()}
        disabled=${saving.busy || !history.undo}
      >
        ${saving.busy ? "Saving …" : "Save"}
      </button>
    </div>
    <div aria-live="polite">
      ${saving.message && html`<p class=${saving.good ? "success" : "error"}>${saving.message}</p>`}
    </div>
  `;
}

function ShapeList({ shapes, camera, selected, select }) {
  return html`<section class="card">
    <h2>Lines and zones</h2>
    ${shapes.length === 0 && html`<p class="hint">None yet: draw one on the picture.</p>`}
    <ul class="shape-list">
      ${shapes.map(
        (shape, place) =>
          isSeenBy(shape, camera) &&
          html`<li>
            <button
              type="button"
              aria-pressed=${place === selected}
              onClick=${() => select(place === selected ? null : place)}
            >
              <span>${shape.name || "(no name)"}</span>
              <small>${shape.kind}${shape.classes ? ` · ${shape.classes.join(", ")}` : ""}</small>
            </button>
          </li>`,
      )}
    </ul>
  </section>`;
}

function Conflict({ saving, load }) {
  return html`<${Dialog} title="Somebody else has saved meanwhile" close=${saving.keepEditing}>
    <p>
      The lines and zones on the server are no longer those that you began with. Your changes are
      not saved yet.
    </p>
    <footer>
      <button type="button" onClick=${saving.keepEditing}>Keep editing</button>
      <button type="button" onClick=${() => (saving.keepEditing(), load())}>
        Discard mine, load theirs
      </button>
      <button type="button" class="danger" onClick=${saving.overwrite}>Replace theirs</button>
    </footer>
  <//>`;
}

/** Return how to save, and how it went. */
function useSaving({ saved, setSaved, shapes }) {
  const [state, setState] = useState({ busy: false, message: "", good: false, conflict: false });
  const save = async (etag = saved.etag) => {
    const complaint = complaintAbout(shapes);
    if (complaint) return setState({ message: complaint });
    setState({ busy: true });
    try {
      const body = contentOf(saved.content, shapes);
      await request("PUT", PATH, { body, headers: { "If-Match": etag } });
      setSaved(await request("GET", PATH));
      return setState({ message: "Saved.", good: true });
    } catch (error) {
      return setState({ message: error.message, conflict: error.status === 412 });
    }
  };
  return {
    ...state,
    save,
    keepEditing: () => setState((old) => ({ ...old, conflict: false })),
    overwrite: async () => {
      try {
        await save((await request("GET", PATH)).etag);
      } catch (error) {
        setState({ message: error.message });
      }
    },
  };
}

function useUndoKeys({ undo, redo }) {
  useLayoutEffect(() => {
    const onKeyDown = (event) => {
      const key = event.key.toLowerCase();
      if (!(event.ctrlKey || event.metaKey) || event.target.matches("input")) return;
      const act = key === "y" || (key === "z" && event.shiftKey) ? redo : key === "z" ? undo : null;
      if (!act) return;
      event.preventDefault();
      act();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [undo, redo]);
}

function hintFor(drawing, current, size, admin) {
  if (!admin) return "Your role may look at lines and zones, but not change them.";
  if (!size) return "Lines and zones can be drawn once the camera has shown a picture.";
  if (drawing === "zone") {
    return "Click the corners; click the first one again, or press Enter, to finish. Escape cancels.";
  }
  if (drawing === "line") return "Click the start and the end. Escape cancels.";
  if (current) {
    return "Drag the points, or move them with the arrow keys. Delete removes a corner.";
  }
  return "Choose a line or zone to change it.";
}
