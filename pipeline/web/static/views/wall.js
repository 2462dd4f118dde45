// All cameras at a glance.
import { html, useState } from "../shared/dom.js";
import { StatePill, stateOf } from "../shared/camera_state.js";
import { plural } from "../shared/format.js";
import { usePolled } from "../shared/polled.js";
import { href } from "../shared/route.js";
import { Content, Empty } from "../shared/states.js";
import { ALL_LAYERS } from "../live/overlay.js";
import { LivePicture } from "../live/live_picture.js";
import { Snapshot } from "../live/snapshot.js";
import { AddCamera } from "./add_camera.js";

const MAX_LIVE = 4; // cameras that are shown as video; more of them as snapshots
const SMALL = { ...ALL_LAYERS, labels: false, trails: false, counts: false };

export function Wall({ admin }) {
  const polled = usePolled("/cameras", 2);
  const [adding, setAdding] = useState(false);
  const add = admin && html`<button type="button" class="main" onClick=${() => setAdding(true)}>
    Add a camera
  </button>`;
  const close = () => {
    setAdding(false);
    polled.refresh();
  };
  return html`
    <div class="head">
      <h1>Cameras</h1>
      ${polled.content && html`<${Summary} cameras=${polled.content.cameras} />`}
      <span class="gap"></span>
      ${add}
    </div>
    <${Content} polled=${polled} what="the cameras">
      ${({ cameras }) =>
        cameras.length
          ? html`<ul class="wall">
              ${cameras.map(
                (camera) =>
                  html`<${Tile}
                    key=${camera.name}
                    camera=${camera}
                    live=${cameras.length <= MAX_LIVE}
                  />`,
              )}
            </ul>`
          : html`<${Empty} title="No camera yet" hint="Add one here, or name it at the start:"
              code="framelane serve rtsp://192.168.1.20/1">${add}<//>`}
    <//>
    ${adding && html`<${AddCamera} close=${close} />`}
  `;
}

function Tile({ camera, live }) {
  const { name } = camera;
  const state = stateOf(camera);
  return html`<li>
    <a href=${href("cameras", name)}>
      <div class="screen">
        ${live
          ? html`<${LivePicture} name=${name} size=${camera.size} layers=${SMALL} />`
          : html`<${Snapshot} name=${name} />`}
      </div>
      <span class="caption">
        <strong>${name}</strong>
        <${StatePill} state=${state} />
      </span>
    </a>
  </li>`;
}

function Summary({ cameras }) {
  const well = cameras.filter((each) => ["live", "playing"].includes(stateOf(each))).length;
  if (!cameras.length) return null;
  return html`<p class="summary">
    ${well === cameras.length
      ? `${plural(cameras.length, "camera")}, all is well`
      : `${well} of ${plural(cameras.length, "camera")} live`}
  </p>`;
}
