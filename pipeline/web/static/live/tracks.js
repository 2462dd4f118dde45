// The tracks of the latest frames, by the time of the frame.

const HERTZ = 90000;
const KEPT = 15 * HERTZ; // ticks
const SAME = 2; // ticks by which the times of one frame may differ
const APART = HERTZ; // ticks between two frames that boxes move across
const HELD = HERTZ / 5; // ticks for which boxes stay if no later ones are known
const TRAIL = 2 * HERTZ; // ticks

export class Tracks {
  constructor() {
    this.messages = []; // by ticks
  }

  add(message) {
    const { messages } = this;
    let at = messages.length;
    while (at && messages[at - 1].ticks > message.ticks) at -= 1;
    messages.splice(at, 0, message);
    const oldest = messages.at(-1).ticks - KEPT;
    while (messages[0].ticks < oldest) messages.shift();
  }

  clear() {
    this.messages = [];
  }

  /**
   * Return what to draw over the frame at `ticks`: its own message; else one between its neighbours;
   * else the one before it, for a moment; else lines and zones alone. null if there is none at all.
   */
  at(ticks) {
    const next = this.messages.findIndex((each) => each.ticks > ticks + SAME);
    const before = this.messages.at(next < 0 ? -1 : next - 1);
    const after = next < 0 ? null : this.messages[next];
    if (!before || before.ticks > ticks + SAME) return null;
    if (ticks - before.ticks <= SAME) return before;
    if (after && after.ticks - before.ticks < APART) return between(before, after, ticks);
    return ticks - before.ticks < HELD ? before : { ...before, ticks: null, tracks: [] };
  }

  /** Return the path of each track up to `ticks`: its id -> [[x, y], ...], middle of the lower edge. */
  trails(ticks) {
    const paths = new Map();
    for (const message of this.messages) {
      if (message.ticks <= ticks - TRAIL || message.ticks > ticks + SAME) continue;
      for (const { id, box } of message.tracks) {
        if (id === null) continue;
        if (!paths.has(id)) paths.set(id, []);
        paths.get(id).push([(box[0] + box[2]) / 2, box[3]]);
      }
    }
    return paths;
  }
}

/** Return a message for a time between two, with the boxes that both have. */
function between(before, after, ticks) {
  const share = (ticks - before.ticks) / (after.ticks - before.ticks);
  const later = new Map(after.tracks.map((each) => [each.id, each.box]));
  const tracks = before.tracks
    .filter(({ id }) => id !== null && later.has(id))
    .map((each) => ({
      ...each,
      box: each.box.map((edge, side) => edge + share * (later.get(each.id)[side] - edge)),
    }));
  return { ...before, ticks, tracks };
}
