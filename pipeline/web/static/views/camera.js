// One camera: live, with its layers, its figures and what became of its frames.
import { html, useCallback, useState } from "../shared/dom.js";
import { cameraPath, request } from "../shared/api.js";
import { NoCamera, StatePill, stateOf } from "../shared/camera_state.js";
import { Confirm } from "../shared/dialog.js";
import { count, duration } from "../shared/format.js";
import { usePolled } from "../shared/polled.js";
import { useRemembered } from "../shared/remembered.js";
import { href } from "../shared/route.js";
import { Content } from "../shared/states.js";
import { LivePicture } from "../live/live_picture.js";
import { ALL_LAYERS, LAYERS } from "../live/overlay.js";
import { Counts } from "./counts.js";
import { Ages, Ledger } from "./ledger.js";

export function Camera({ name, admin }) {
  const polled = usePolled(cameraPath(name), 2);
  const [layers, setLayers] = useRemembered("layers", ALL_LAYERS);
  const [live, setLive] = useState(null);
  return html`
    <div class="head">
      <a class="back" href=${href("cameras")} aria-label="All cameras">‹</a>
      <h1>${name}</h1>
      ${polled.content && html`<${StatePill} state=${live?.camera || stateOf(polled.content)} />`}
      <span class="gap"></span>
      <a class="button" href=${href("cameras", name, "zones")}>Lines and zones</a>
      ${admin && html`<${Actions} name=${name} refresh=${polled.refresh} />`}
    </div>
    <${Content} polled=${polled} what="the camera" missing=${html`<${NoCamera} name=${name} />`}>
      ${(camera) => html`
        <div class="beside">
          <section aria-label="Live">
            <${LivePicture} name=${name} size=${camera.size} layers=${layers} changed=${setLive} />
            <${LiveFacts} live=${live} camera=${camera} />
            <${Switches} layers=${layers} setLayers=${setLayers} />
          </section>
          <aside>
            <${Counts} figures=${camera} />
            <${Connection} camera=${camera} />
            <${Ledger} figures=${camera} />
            <${Ages} figures=${camera} />
          </aside>
        </div>
      `}
    <//>
  `;
}

function LiveFacts({ live, camera }) {
  if (!live) return null;
  const rate = camera.fps ? `${camera.fps.toFixed(1)} frames/s analysed` : "";
  return html`<p class="facts">
    <span data-behind=${live.behind ?? ""}>
      ${live.behind === null || live.still ? "–" : `${duration(live.behind)} behind`}
    </span>
    ${live.size && html`<span>${live.size.width} × ${live.size.height}</span>`}
    ${live.mode && html`<span title=${live.why}>${live.mode === "jpeg" ? "JPEG" : "Video"}</span>`}
    ${rate && html`<span>${rate}</span>`}
  </p>`;
}

function Switches({ layers, setLayers }) {
  return html`<fieldset class="switches">
    <legend>Layers</legend>
    ${LAYERS.map(
      ([key, label]) => html`<label>
        <input
          type="checkbox"
          checked=${layers[key]}
          onChange=${(event) => setLayers({ ...layers, [key]: event.target.checked })}
        />
        ${label}
      </label>`,
    )}
  </fieldset>`;
}

function Connection({ camera }) {
  const { connection, url, faults } = camera;
  const causes = Object.entries(connection?.causes ?? {});
  return html`<section class="card">
    <h2>Source</h2>
    <dl>
      <dt>Address</dt>
      <dd class="url">${url}</dd>
      ${connection &&
      html`<dt>Connections</dt>
        <dd>${count(connection.connections)}</dd>
        <dt>Clock</dt>
        <dd>${connection.capture_clock}</dd>
        ${connection.trouble && html`<dt>Last trouble</dt><dd>${connection.trouble}</dd>`}
        ${causes.length > 0 &&
        html`<dt>Lost</dt>
          <dd>${causes.map(([cause, times]) => `${cause} × ${times}`).join(", ")}</dd>`}`}
      ${faults.length > 0 && html`<dt>Faults</dt><dd>${faults.join("; ")}</dd>`}
    </dl>
  </section>`;
}

function Actions({ name, refresh }) {
  const [asking, setAsking] = useState(false);
  const [message, setMessage] = useState("");
  const attempt = useCallback(async (act) => {
    setMessage("");
    try {
      await act();
    } catch (error) {
      setMessage(error.message);
    }
  }, []);
  const restart = () =>
    attempt(async () => {
      await request("POST", cameraPath(name, "/restart"));
      refresh();
    });
  const remove = () =>
    attempt(async () => {
      setAsking(false);
      await request("DELETE", cameraPath(name));
      window.location.hash = href("cameras");
    });
  return html`
    <button type="button" onClick=${restart}>Restart</button>
    <button type="button" class="danger" onClick=${() => setAsking(true)}>Remove</button>
    ${message && html`<p class="error" role="alert">${message}</p>`}
    ${asking &&
    html`<${Confirm}
      title=${`Remove ‘${name}’?`}
      text="It is no longer watched. Its recordings and events stay."
      verb="Remove"
      act=${remove}
      close=${() => setAsking(false)}
    />`}
  `;
}
