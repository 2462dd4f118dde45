// A day as a bar: what is recorded, and where the player is. Pointer and arrow keys seek.
import { html, useRef, useState } from "../shared/dom.js";
import { clock } from "../shared/format.js";

const DAY = 86400; // seconds
const HOURS = [0, 3, 6, 9, 12, 15, 18, 21, 24];
const STEPS = { ArrowLeft: -10, ArrowRight: 10, PageDown: -600, PageUp: 600 }; // seconds
const ZOOMS = [
  [DAY, "Day"],
  [6 * 3600, "6 h"],
  [3600, "1 h"],
  [600, "10 min"],
];

/** seek(wall): go to a time in seconds since 1970; files: { start, seconds } by time. */
export function Timeline({ files, since, at, seek }) {
  const bar = useRef(null);
  const [hover, setHover] = useState(null);
  const [span, setSpan] = useState(DAY);
  const from = span === DAY ? since : clamp(at - span / 2, since, since + DAY - span);
  const place = (wall) => (100 * (wall - from)) / span; // in percent
  const wallAt = (event) => {
    const { left, width } = bar.current.getBoundingClientRect();
    return from + (span * (event.clientX - left)) / width;
  };
  const onKeyDown = (event) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    seek(at + STEPS[event.key]);
  };
  return html`<div class="timeline">
    <div
      ref=${bar}
      class="track"
      role="slider"
      tabindex="0"
      aria-label="Time of the recording"
      aria-valuemin=${since}
      aria-valuemax=${since + DAY}
      aria-valuenow=${Math.round(at)}
      aria-valuetext=${clock(at)}
      onKeyDown=${onKeyDown}
      onClick=${(event) => seek(wallAt(event))}
      onPointerMove=${(event) => setHover(wallAt(event))}
      onPointerLeave=${() => setHover(null)}
    >
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        ${files.map(
          (each) => html`<rect
            x=${place(each.start)}
            width=${Math.max(0.15, (100 * each.seconds) / span)}
            height="10"
          />`,
        )}
        <line x1=${place(at)} x2=${place(at)} y2="10" class="now" />
      </svg>
      ${hover !== null &&
      html`<span class="hover" style=${{ left: `${place(hover)}%` }}>${clock(hover)}</span>`}
    </div>
    <div class="scale" aria-hidden="true">
      ${HOURS.map((hour) => html`<span>${clock(from + (span * hour) / 24).slice(0, 5)}</span>`)}
    </div>
    <div class="zooms" role="group" aria-label="Length of the timeline">
      ${ZOOMS.map(
        ([seconds, label]) => html`<button
          type="button"
          aria-pressed=${span === seconds}
          onClick=${() => setSpan(seconds)}
        >
          ${label}
        </button>`,
      )}
    </div>
  </div>`;
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
