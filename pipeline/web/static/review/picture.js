// The picture of a frame with its boxes, which can be chosen, moved and drawn.
import { html, useEffect, useRef, useState } from "../shared/dom.js";
import { colourOf } from "../live/overlay.js";

const NEAR = 8; // screen pixels from an edge at which it is dragged
const TEXT = 0.014; // height of the text at a box, in widths of the frame
const LEAST = 3; // pixels of the frame: the smallest box that is drawn

/**
 * Shows a frame and its boxes.
 *
 * boxes: see `frame_content` in pipeline/review/requests.py; chosen: the row of the chosen one
 * drawing: whether a drag draws a new box; choose(row); move(row, box); draw(box)
 */
export function Picture({ frame, size, boxes, chosen, drawing, choose, move, draw }) {
  const svg = useRef();
  const [drag, setDrag] = useState(null); // of { row, box, sides, from, moved }
  const [loaded, setLoaded] = useState(null);
  const [missing, setMissing] = useState(null);
  useEffect(() => setDrag(null), [frame]);
  const { width, height } = size;

  function place(event) {
    const area = svg.current.getBoundingClientRect();
    return {
      x: ((event.clientX - area.left) / area.width) * width,
      y: ((event.clientY - area.top) / area.height) * height,
      near: (NEAR / area.width) * width,
    };
  }

  function down(event) {
    if (event.button) return;
    svg.current.setPointerCapture(event.pointerId);
    const at = place(event);
    if (drawing) {
      setDrag({ row: null, box: [at.x, at.y, at.x, at.y], sides: [0, 0, 1, 1], from: at });
      return;
    }
    const hit = boxAt(boxes, chosen, at);
    choose(hit?.row ?? null);
    if (hit) setDrag({ row: hit.row, box: hit.box, sides: sidesAt(hit.box, at), from: at });
  }

  function motion(event) {
    if (!drag) return;
    const at = place(event);
    const by = [at.x - drag.from.x, at.y - drag.from.y];
    const box = drag.box.map((edge, k) => edge + drag.sides[k] * by[k % 2]);
    setDrag({ ...drag, moved: within(box, size) });
  }

  function up() {
    if (!drag) return;
    setDrag(null);
    const box = drag.moved && ordered(drag.moved);
    if (!box || box[2] - box[0] < LEAST || box[3] - box[1] < LEAST) return;
    if (drag.row === null) draw(box);
    else move(drag.row, box);
  }

  const url = `/api/v1/review/frames/${frame}.jpg`;
  return html`<div
    class="picture"
    style=${{ "--ratio": width / height }}
    data-loaded=${loaded === url}
  >
    <img
      src=${url}
      alt=${`Frame ${frame}`}
      onLoad=${() => setLoaded(url)}
      onError=${() => setMissing(url)}
      draggable=${false}
    />
    ${missing === url &&
    loaded !== url &&
    html`<p class="missing">
      Frame ${frame} has no picture: it is not read yet, or does not decode. Its boxes are shown.
    </p>`}
    <svg
      ref=${svg}
      viewBox=${`0 0 ${width} ${height}`}
      class=${drawing ? "drawing" : ""}
      onPointerDown=${down}
      onPointerMove=${motion}
      onPointerUp=${up}
      role="img"
      aria-label="Boxes of this frame"
    >
      ${boxes.map((each) => {
        const box = drag?.row === each.row && drag.moved ? ordered(drag.moved) : each.box;
        return html`<${Box} key=${each.row} each=${each} box=${box} width=${width} chosen=${each.row === chosen} />`;
      })}
      ${drag?.row === null && drag.moved && html`<${Rectangle} box=${ordered(drag.moved)} />`}
    </svg>
  </div>`;
}

function Box({ each, box, width, chosen }) {
  const size = width * TEXT;
  const left = box[0] < width * 0.85; // else the text would be cut
  const colour = colourOf(each.track);
  const text = each.track === null ? each.class : `${each.class} ${each.track}`;
  return html`<g class=${`box ${each.mark} ${chosen ? "chosen" : ""}`} style=${{ color: colour }}>
    <${Rectangle} box=${box} />
    <text
      x=${left ? box[0] : Math.min(box[2], width)}
      y=${Math.max(size, box[1] - size / 3)}
      text-anchor=${left ? "start" : "end"}
      style=${{ fontSize: `${size}px`, strokeWidth: size / 4 }}
    >
      ${text}
    </text>
  </g>`;
}

function Rectangle({ box: [left, top, right, bottom] }) {
  return html`<rect x=${left} y=${top} width=${right - left} height=${bottom - top} />`;
}

/** Return the box at a point: the chosen one if it is there, else the smallest. */
function boxAt(boxes, chosen, { x, y, near }) {
  const there = boxes.filter(
    ({ box }) => x > box[0] - near && x < box[2] + near && y > box[1] - near && y < box[3] + near,
  );
  const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
  return there.find(({ row }) => row === chosen) ?? there.sort((a, b) => area(a) - area(b))[0];
}

/** Return which sides a drag from a point moves: left, top, right, bottom; all if it is inside. */
function sidesAt([left, top, right, bottom], { x, y, near }) {
  const sides = [x - left, y - top, right - x, bottom - y].map((far) => (far < near ? 1 : 0));
  return sides.some(Boolean) ? sides : [1, 1, 1, 1];
}

function within(box, { width, height }) {
  return box.map((edge, k) => Math.min(Math.max(0, edge), k % 2 ? height : width));
}

function ordered([a, b, c, d]) {
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)];
}
