// Recordings of one camera on one day: a timeline to seek in, and a player.
import { html, useEffect, useMemo, useRef, useState } from "../shared/dom.js";
import { withQuery } from "../shared/api.js";
import { bytes, clock, duration } from "../shared/format.js";
import { usePolled } from "../shared/polled.js";
import { Content, Empty } from "../shared/states.js";
import { Timeline } from "./timeline.js";

const DAY = 86400; // seconds
const BEGUN = 10; // seconds after which a file has frames: it is written from keyframe to keyframe

export function Recordings() {
  const cameras = usePolled("/cameras").content?.cameras ?? [];
  const [chosen, setCamera] = useState("");
  const [day, setDay] = useState(() => dayOf(new Date()));
  const camera = chosen || cameras[0]?.name || "";
  const since = useMemo(() => new Date(`${day}T00:00`).getTime() / 1000, [day]);
  const path = camera && withQuery("/recordings", { camera, since, until: since + DAY });
  const polled = usePolled(path || null, 20);
  const missing = html`<${Empty}
    title="Nothing is recorded"
    hint="Add this to the configuration, and start again:"
    code=${"recording:\n  url: runs/recordings/{stream}/%Y-%m-%d/%H%M%S.mp4"}
  />`;
  return html`
    <div class="head">
      <h1>Recordings</h1>
      <span class="gap"></span>
      <label class="inline">
        Camera
        <select value=${camera} onChange=${(event) => setCamera(event.target.value)}>
          ${cameras.map(({ name }) => html`<option value=${name}>${name}</option>`)}
        </select>
      </label>
      <label class="inline">
        Day
        <input
          type="date"
          value=${day}
          max=${dayOf(new Date())}
          onChange=${(event) => event.target.value && setDay(event.target.value)}
        />
      </label>
    </div>
    <${Content} polled=${polled} what="the recordings" missing=${missing}>
      ${({ recordings }) =>
        recordings.length
          ? html`<${DayOfCamera} key=${path} recordings=${recordings} since=${since} />`
          : html`<${Empty}
              title="Nothing was recorded on this day"
              hint="Choose another day or camera. Pictures and the built-in street are never recorded."
            />`}
    <//>
  `;
}

function DayOfCamera({ recordings, since }) {
  const video = useRef(null);
  const files = useMemo(() => [...recordings].sort((a, b) => a.start - b.start), [recordings]);
  const [playing, setPlaying] = useState(() => ({ file: newestIn(files), offset: 0 }));
  const [at, setAt] = useState(playing.file.start);
  const [broken, setBroken] = useState(false);
  const seek = (wall) => {
    const file = fileAt(files, wall);
    const offset = Math.min(Math.max(0, wall - file.start), Math.max(0, file.seconds - 0.1));
    setAt(file.start + offset);
    if (file.url === playing.file.url && video.current) video.current.currentTime = offset;
    setPlaying({ file, offset });
  };
  const next = () => {
    const after = files.find((each) => each.start > playing.file.start);
    if (after) setPlaying({ file: after, offset: 0 });
  };
  useEffect(() => setBroken(false), [playing.file.url]);
  const total = files.reduce((sum, each) => sum + each.seconds, 0);
  const size = files.reduce((sum, each) => sum + each.bytes, 0);
  return html`
    <div class="recording">
      <video
        ref=${video}
        class="clip"
        src=${playing.file.url}
        controls
        autoplay
        muted
        playsinline
        aria-label=${`Recording from ${clock(playing.file.start)}`}
        onLoadedMetadata=${(event) => (event.target.currentTime = playing.offset)}
        onTimeUpdate=${(event) => setAt(playing.file.start + event.target.currentTime)}
        onEnded=${next}
        onError=${() => setBroken(true)}
      ></video>
      ${broken &&
      html`<p class="error" role="alert">
        This browser cannot play this file. It may still be written, or its codec is unknown here.${" "}
        <a href=${playing.file.url} download>Download it</a>
      </p>`}
      <p class="facts">
        <strong data-at=${at}>${clock(at)}</strong>
        <span>${duration(total)} in ${files.length} files, ${bytes(size)}</span>
        <a href=${playing.file.url} download>Download this file</a>
      </p>
      <${Timeline} files=${files} since=${since} at=${at} seek=${seek} />
    </div>
  `;
}

/** Return the newest file that can be played: one that has just begun may have no frame yet. */
function newestIn(files) {
  return files.findLast((each) => each.seconds > BEGUN) ?? files.at(-1);
}

/** Return the file that was recorded at a time, or the next one, or the last. */
function fileAt(files, wall) {
  return files.find((each) => each.start + each.seconds > wall) ?? files.at(-1);
}

function dayOf(date) {
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}
