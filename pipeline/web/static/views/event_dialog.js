// One event: its snapshot or clip, and everything that is known of it.
import { html, useState } from "../shared/dom.js";
import { Dialog } from "../shared/dialog.js";
import { moment } from "../shared/format.js";
import { fileOf, lengthOf, titleOf } from "./events.js";

const CLIP_STATES = {
  none: "No clip is made of this event.",
  pending: "The clip is being made. Open the event again in a moment.",
  failed: "The clip could not be made",
};

export function EventDialog({ event, close }) {
  const [broken, setBroken] = useState(false);
  const hasClip = event.clip_state === "ready" && !broken;
  const rows = [
    ["Camera", event.stream],
    ["From", moment(event.start.wall)],
    ["Until", event.end ? moment(event.end.wall) : ""],
    ["Length", lengthOf(event)],
    ["Class", event.class],
    ["Best score", event.score?.toFixed(2)],
    ["Line or zone", event.place],
    ["Direction", event.direction],
    ["Track", event.track],
    ["Cause", event.cause],
  ].filter(([, value]) => value !== null && value !== undefined && value !== "");
  return html`<${Dialog} title=${titleOf(event)} close=${close} wide>
    ${hasClip
      ? html`<video
          class="clip"
          src=${fileOf(event, "clip.mp4")}
          poster=${event.snapshot ? fileOf(event, "snapshot.jpg") : undefined}
          controls
          autoplay
          muted
          playsinline
          aria-label=${`Clip: ${titleOf(event)}`}
          onError=${() => setBroken(true)}
        ></video>`
      : event.snapshot &&
        html`<img class="clip" src=${fileOf(event, "snapshot.jpg")} alt=${titleOf(event)} />`}
    ${!hasClip && html`<p class="hint">${whyNoClip(event, broken)}</p>`}
    <dl>${rows.map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>
    ${hasClip &&
    html`<footer>
      <a class="button" href=${fileOf(event, "clip.mp4")} download>Download the clip</a>
    </footer>`}
  <//>`;
}

function whyNoClip({ clip_state: state, clip_reason: reason }, broken) {
  if (broken) return "This browser cannot play the clip, or it has been deleted.";
  return reason ? `${CLIP_STATES[state]}: ${reason}` : CLIP_STATES[state];
}
