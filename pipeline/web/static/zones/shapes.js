// Lines and zones as the editor changes them: plain values, never changed in place.
// A shape is { kind: "line" or "zone", ...its keys as in the API }; points are fractions or pixels.

/** Return the shapes of an answer of the API. */
export function shapesOf({ lines, zones }) {
  return [
    ...lines.map((line) => ({ kind: "line", ...line })),
    ...zones.map((zone) => ({ kind: "zone", ...zone })),
  ];
}

/** Return what the API takes: `content`, with these shapes. */
export function contentOf(content, shapes) {
  const of = (kind) => shapes.filter((each) => each.kind === kind).map(({ kind: _, ...rest }) => rest);
  return { ...content, lines: of("line"), zones: of("zone") };
}

export function isSeenBy(shape, camera) {
  return !shape.streams || shape.streams.includes(camera);
}

/** Return the corners of a shape. */
export function pointsOf(shape) {
  return shape.kind === "line" ? [shape.start, shape.end] : shape.polygon;
}

export function withPoints(shape, points) {
  if (shape.kind === "line") return { ...shape, start: points[0], end: points[1] };
  return { ...shape, polygon: points };
}

export function withPoint(shape, index, point) {
  const points = [...pointsOf(shape)];
  points[index] = point;
  return withPoints(shape, points);
}

/** Return a zone with a new corner after the one at `index`. */
export function withCornerAfter(zone, index, point) {
  const points = [...zone.polygon];
  points.splice(index + 1, 0, point);
  return { ...zone, polygon: points };
}

/** Return a zone without a corner; the last three stay. */
export function withoutCorner(zone, index) {
  if (zone.kind !== "zone" || zone.polygon.length <= 3) return zone;
  return { ...zone, polygon: zone.polygon.filter((_, place) => place !== index) };
}

/** Return a new shape for one camera, with a name that none has. */
export function newShape(kind, points, shapes, camera) {
  const names = new Set(shapes.map((each) => each.name));
  let number = 1;
  while (names.has(`${kind} ${number}`)) number += 1;
  const shape = { kind, name: `${kind} ${number}`, streams: [camera] };
  return withPoints(shape, points);
}

/** Return what is wrong with the shapes, in words; empty if nothing is. */
export function complaintAbout(shapes) {
  const names = shapes.map((each) => each.name.trim());
  if (names.includes("")) return "Give each line and zone a name.";
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  return twice ? `‘${twice}’ is given twice: give each line and zone its own name.` : "";
}

/** Return a point with as many decimals as are worth saving. */
export function rounded([x, y]) {
  return [Math.round(x * 1e4) / 1e4, Math.round(y * 1e4) / 1e4];
}
