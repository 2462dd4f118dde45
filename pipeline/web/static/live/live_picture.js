// A camera's live picture as a component: what is said over it, and when.
import { html, useEffect, useRef, useState } from "../shared/dom.js";
import { cameraPath } from "../shared/api.js";
import { duration } from "../shared/format.js";
import { Player } from "./player.js";

/** What is wrong with a camera, in words, by its state. */
const TROUBLES = {
  connecting: "Connecting to the camera …",
  stalled: "The camera sends no pictures.",
  backoff: "The camera is not reachable. Trying again …",
  failed: "The camera has failed and is not tried again.",
  ended: "The video has ended.",
};

/**
 * Shows a camera live, with the layers that are on.
 *
 * size: { width, height } of its frames as far as the API knows, so that nothing moves when the
 * first one comes; changed(state): see Player; children: more to lay over the picture
 */
export function LivePicture({ name, size, layers, changed, children }) {
  const elements = { video: useRef(), picture: useRef(), overlay: useRef() };
  const player = useRef(null);
  const [state, setState] = useState({ connected: true, still: 0 });
  const seen = useVisible();
  useEffect(() => {
    if (!seen) return undefined;
    const { video, picture, overlay } = elements;
    const parts = { video: video.current, picture: picture.current, overlay: overlay.current };
    player.current = new Player(name, parts, layers, (next) => {
      setState(next);
      changed?.(next);
    });
    return () => player.current.close();
  }, [name, seen]);
  useEffect(() => player.current?.setLayers(layers), [layers]);
  const { width, height } = state.size ?? size ?? { width: 16, height: 9 };
  const trouble = troubleOf(state);
  return html`<div
    class=${`live ${trouble && state.shows ? "still" : ""}`}
    style=${{ "--ratio": width / height }}
  >
    <video
      ref=${elements.video}
      poster=${`/api/v1${cameraPath(name, "/snapshot.jpg")}`}
      muted
      playsinline
      aria-label=${`Live video of ${name}`}
      hidden=${state.mode === "jpeg"}
    ></video>
    <canvas
      ref=${elements.picture}
      role="img"
      aria-label=${`Live picture of ${name}`}
      hidden=${state.mode !== "jpeg"}
    ></canvas>
    <canvas ref=${elements.overlay} class="overlay" aria-hidden="true"></canvas>
    ${children}
    ${trouble && html`<p class="notice" role="status">${trouble}</p>`}
  </div>`;
}

/** Return what to say over the picture; empty if all is well. */
export function troubleOf({ connected, lost, camera, still, shows, mode }) {
  if (!connected) return `${lost || "No connection to the server."} Trying again …`;
  const since = shows && still ? ` Frozen for ${duration(Math.floor(still) || still)}.` : "";
  if (camera && camera !== "live") return `${TROUBLES[camera] ?? camera}${since}`;
  if (shows && still) return `No new pictures.${since}`;
  if (shows) return "";
  return mode === "video" ? "Video starts at the next keyframe …" : "Waiting for a picture …";
}

/** Return whether the page is in sight; a hidden one needs no video. */
function useVisible() {
  const [visible, setVisible] = useState(!document.hidden);
  useEffect(() => {
    let timer = null;
    const look = () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => setVisible(false), 10000);
      else setVisible(true);
    };
    document.addEventListener("visibilitychange", look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, []);
  return visible;
}
