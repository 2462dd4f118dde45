// Boxes, labels, trails, zones and counts on a canvas over the picture.

/** What can be switched on and off; the key, and its words. */
export const LAYERS = [
  ["boxes", "Boxes"],
  ["labels", "Labels"],
  ["trails", "Trails"],
  ["zones", "Lines and zones"],
  ["counts", "Counts"],
];
export const ALL_LAYERS = Object.fromEntries(LAYERS.map(([key]) => [key, true]));

const GOLDEN_ANGLE = 137.508; // degrees: neighbouring ids get colours that differ
const FIGURE = "#ffd166";
const DARK = "rgb(0 0 0 / 65%)";

/** Return the colour of a track. */
export function colourOf(id) {
  return `hsl(${Math.round((id ?? 0) * GOLDEN_ANGLE) % 360} 90% 62%)`;
}

/** Draw a message of tracks; trails: from Tracks; the canvas is as large as it is shown. */
export function draw(canvas, message, trails, layers) {
  const context = fitted(canvas);
  if (!message) return;
  const scale = { x: canvas.width / message.width, y: canvas.height / message.height };
  const pen = { context, scale, size: Math.max(11, 13 * (window.devicePixelRatio || 1)) };
  if (layers.zones) drawFigures(pen, message.figures ?? []);
  if (layers.trails) drawTrails(pen, message.tracks, trails);
  for (const track of message.tracks) {
    if (layers.boxes) drawBox(pen, track);
    if (layers.labels) drawLabel(pen, track);
  }
  if (layers.counts) drawCounts(pen, message.figures ?? []);
}

function fitted(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  return context;
}

function drawBox({ context, scale, size }, { id, box }) {
  context.strokeStyle = colourOf(id);
  context.lineWidth = size / 6;
  const [left, top, right, bottom] = box;
  context.strokeRect(
    left * scale.x,
    top * scale.y,
    (right - left) * scale.x,
    (bottom - top) * scale.y,
  );
}

function drawLabel(pen, { id, class: name, box }) {
  const text = id === null ? name : `${name} ${id}`;
  write(pen, text, box[0] * pen.scale.x, box[1] * pen.scale.y, colourOf(id));
}

function drawTrails({ context, scale, size }, tracks, trails) {
  context.lineWidth = size / 6;
  context.lineJoin = "round";
  for (const { id } of tracks) {
    const path = trails.get(id);
    if (!path || path.length < 2) continue;
    context.strokeStyle = colourOf(id);
    context.globalAlpha = 0.7;
    trace(context, scale, path);
    context.stroke();
    context.globalAlpha = 1;
  }
}

function drawFigures({ context, scale, size }, figures) {
  for (const { corners, closed } of figures) {
    trace(context, scale, corners);
    if (closed) {
      context.closePath();
      context.fillStyle = "rgb(255 209 102 / 14%)";
      context.fill();
    }
    context.strokeStyle = FIGURE;
    context.lineWidth = size / 6;
    context.stroke();
  }
}

function drawCounts(pen, figures) {
  for (const { corners, closed, text } of figures) {
    const [x, y] = closed ? middle(corners) : corners[0];
    const lines = text.split("\n");
    lines.forEach((line, place) => {
      const down = (place + 1) * pen.size * 1.35;
      write(pen, line, x * pen.scale.x, y * pen.scale.y + down, FIGURE);
    });
  }
}

/** Write a text on a dark ground; x, y: its lower left corner, moved into the canvas. */
function write({ context, size }, text, x, y, colour) {
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  const width = context.measureText(text).width + size * 0.6;
  const height = size * 1.3;
  const left = Math.min(Math.max(0, x), Math.max(0, context.canvas.width - width));
  const bottom = Math.min(Math.max(height, y), context.canvas.height);
  context.fillStyle = DARK;
  context.fillRect(left, bottom - height, width, height);
  context.fillStyle = colour;
  context.fillText(text, left + size * 0.3, bottom - size * 0.1);
}

function trace(context, scale, points) {
  context.beginPath();
  points.forEach(([x, y], place) => {
    if (place) context.lineTo(x * scale.x, y * scale.y);
    else context.moveTo(x * scale.x, y * scale.y);
  });
}

function middle(points) {
  const sum = points.reduce(([x, y], [px, py]) => [x + px, y + py], [0, 0]);
  return sum.map((each) => each / points.length);
}
