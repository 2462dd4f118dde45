// The shapes over the live picture: points are dragged, or moved with the arrow keys.
import { html, useRef, useState } from "../shared/dom.js";
import { pointsOf, rounded, withCornerAfter, withoutCorner, withPoint } from "./shapes.js";

const STEP = 0.01; // of the width or height, for an arrow key
const FINE = 0.002; // with Shift
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CLOSE = 0.025; // to the first corner: a click there closes a zone

/**
 * shapes: those that are shown; selected: a name or null
 * change(shape, next, step): a shape becomes another; step: see useHistory
 * drawing: "line", "zone" or null; drawn(points): fractions of what was drawn
 * size: { width, height } of the picture, for shapes in pixels
 */
export function ShapesCanvas({ shapes, selected, select, change, drawing, drawn, size, locked }) {
  const svg = useRef(null);
  const [points, setPoints] = useState([]); // of what is being drawn
  const [pointer, setPointer] = useState(null);
  const at = (event) => {
    const { left, top, width, height } = svg.current.getBoundingClientRect();
    return rounded([clamp((event.clientX - left) / width), clamp((event.clientY - top) / height)]);
  };
  const finish = (all) => {
    setPoints([]);
    drawn(all);
  };
  const onClick = (event) => {
    if (!drawing) return select(null);
    const point = at(event);
    const closes = drawing === "zone" && points.length >= 3 && distance(point, points[0]) < CLOSE;
    const all = closes ? points : [...points, point];
    if (closes || (drawing === "line" && all.length === 2)) finish(all);
    else setPoints(all);
  };
  const onDoubleClick = () => {
    const distinct = points.filter((each, i) => !i || distance(each, points[i - 1]) > 0.001);
    if (drawing === "zone" && distinct.length >= 3) finish(distinct);
  };
  const onKeyDown = (event) => {
    if (!drawing) return;
    if (event.key === "Escape") finish([]);
    if (event.key === "Enter") finish(points.length >= 3 ? points : initial(drawing));
  };
  const preview = pointer && points.length ? [...points, pointer] : points;
  return html`<svg
    ref=${svg}
    class=${`shapes ${drawing ? "drawing" : ""}`}
    viewBox="0 0 1 1"
    preserveAspectRatio="none"
    tabindex=${drawing ? 0 : -1}
    role="group"
    aria-label="Lines and zones"
    onClick=${onClick}
    onDblClick=${onDoubleClick}
    onKeyDown=${onKeyDown}
    onPointerMove=${(event) => drawing && setPointer(at(event))}
  >
    ${shapes.map(
      (shape, place) => html`<${Shape}
        key=${place}
        shape=${shape}
        size=${size}
        active=${!locked && !drawing && shape.name === selected}
        select=${() => !drawing && select(shape.name)}
        change=${(next, step) => change(shape, next, step)}
        at=${at}
      />`,
    )}
    ${preview.length > 0 &&
    html`<polyline class="outline new" points=${attribute(preview)} />
      ${points.map(([x, y]) => html`<${Dot} x=${x} y=${y} />`)}`}
  </svg>`;
}

function Shape({ shape, size, active, select, change, at }) {
  const unit = shape.units === "pixels" ? [size.width, size.height] : [1, 1];
  const toShape = ([x, y]) => rounded([x * unit[0], y * unit[1]]);
  const points = pointsOf(shape).map(([x, y]) => [x / unit[0], y / unit[1]]);
  const isZone = shape.kind === "zone";
  const move = (index, point, step) => change(withPoint(shape, index, toShape(point)), step);
  const onClick = (event) => {
    event.stopPropagation();
    select();
  };
  return html`<g class=${active ? "active" : ""}>
    <polygon class=${`outline ${shape.kind}`} points=${attribute(points)} />
    <polygon class="touch" points=${attribute(points)} onClick=${onClick} />
    ${!isZone && html`<${Sides} points=${points} />`}
    ${active && isZone &&
    points.map((point, index) => {
      const middle = halfway(point, points[(index + 1) % points.length]);
      return html`<${Handle}
        key=${`+${index}`}
        point=${middle}
        small
        label=${`Add a corner to ${shape.name} after corner ${index + 1}`}
        press=${() => change(withCornerAfter(shape, index, toShape(middle)))}
      />`;
    })}
    ${active &&
    points.map(
      (point, index) => html`<${Handle}
        key=${index}
        point=${point}
        label=${`${shape.name}, ${isZone ? `corner ${index + 1}` : ["start", "end"][index]}`}
        move=${(next, step) => move(index, next, `${shape.name} ${index} ${step}`)}
        remove=${() => change(withoutCorner(shape, index))}
        at=${at}
      />`,
    )}
  </g>`;
}

/** A point that is dragged, moved with arrow keys, and removed with Delete; or one that is pressed. */
function Handle({ point, label, small, at, move, remove, press }) {
  const dragging = useRef(null);
  const onPointerDown = (event) => {
    event.stopPropagation();
    if (!move) return;
    event.target.setPointerCapture(event.pointerId);
    dragging.current = `drag ${event.timeStamp}`;
  };
  const onPointerMove = (event) => {
    if (dragging.current) move(at(event), dragging.current);
  };
  const onKeyDown = (event) => {
    const arrow = ARROWS[event.key];
    if (arrow && move) {
      const step = event.shiftKey ? FINE : STEP;
      move([clamp(point[0] + arrow[0] * step), clamp(point[1] + arrow[1] * step)], "keys");
    } else if ((event.key === "Delete" || event.key === "Backspace") && remove) remove();
    else if ((event.key === "Enter" || event.key === " ") && press) press();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<g
    class=${`handle ${small ? "small" : ""}`}
    tabindex="0"
    role="button"
    aria-label=${label}
    onPointerDown=${onPointerDown}
    onPointerMove=${onPointerMove}
    onPointerUp=${() => (dragging.current = null)}
    onKeyDown=${onKeyDown}
    onClick=${(event) => (event.stopPropagation(), press?.())}
    onDblClick=${(event) => (event.stopPropagation(), remove?.())}
  >
    <${Dot} x=${point[0]} y=${point[1]} touch />
  </g>`;
}

/** A dot of constant size: a line of no length with round ends. */
function Dot({ x, y, touch }) {
  const line = { x1: x, y1: y, x2: x + 1e-6, y2: y };
  return html`${touch && html`<line class="touch" ...${line} />`}<line class="dot" ...${line} />`;
}

/** Marks the left and the right side of a line, as seen from its start to its end. */
function Sides({ points: [start, end] }) {
  const middle = halfway(start, end);
  const across = [-(end[1] - start[1]), end[0] - start[0]];
  const length = Math.hypot(...across) || 1;
  const tip = (side) => middle.map((each, i) => each + (side * 0.04 * across[i]) / length);
  return html`<polyline class="sides" points=${attribute([tip(-1), tip(1)])} />`;
}

function initial(kind) {
  return kind === "line"
    ? [[0.3, 0.5], [0.7, 0.5]]
    : [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]];
}

function attribute(points) {
  return points.map((each) => each.join(",")).join(" ");
}

function halfway([ax, ay], [bx, by]) {
  return [(ax + bx) / 2, (ay + by) / 2];
}

function distance([ax, ay], [bx, by]) {
  return Math.hypot(ax - bx, ay - by);
}

function clamp(value) {
  return Math.min(1, Math.max(0, value));
}
