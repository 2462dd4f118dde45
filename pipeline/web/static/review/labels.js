// The labels as the server has them, and how they are changed.
import { get, request } from "../shared/api.js";
import { useCallback, useEffect, useRef, useState } from "../shared/dom.js";

/**
 * Return { summary, boxes, frame, error, show, edit, save }.
 *
 * summary: of the labels; boxes: of the frame that is shown; show(next): a frame, or a function
 * from { summary, frame } to it; edit(change): see `Edit` in pipeline/review/requests.py; save().
 * The last three return promises of { summary, boxes, frame, error }; a mistake is in `error`.
 */
export function useLabels() {
  const [state, setState] = useState({ summary: null, boxes: [], frame: null, error: "" });
  const latest = useRef(state);
  latest.current = state;
  const queue = useRef(Promise.resolve());
  const steps = useRef(0); // that wait in the queue

  /** Run one request after the other, so that each knows the version that it changes. */
  const inTurn = useCallback((job) => {
    const done = queue.current.then(async () => {
      try {
        const change = await job(latest.current);
        latest.current = { ...latest.current, error: "", ...change };
      } catch (error) {
        latest.current = { ...latest.current, error: error.message };
      }
      setState(latest.current);
      return latest.current;
    });
    queue.current = done;
    return done;
  }, []);

  const show = useCallback(
    (next) => {
      steps.current += 1;
      return inTurn(async (state) => {
        steps.current -= 1;
        const frame = typeof next === "function" ? next(state) : next;
        // A key that is held down steps faster than frames come: only the last one is asked for.
        return { frame, boxes: steps.current ? [] : await boxesOf(frame) };
      });
    },
    [inTurn],
  );
  const edit = useCallback(
    (change) =>
      inTurn(async ({ summary, frame }) => {
        const body = { version: summary.version, ...change };
        const { content } = await request("POST", "/review/edits", { body });
        return { summary: content, boxes: await boxesOf(frame) };
      }),
    [inTurn],
  );
  const save = useCallback(
    () => inTurn(async () => ({ summary: (await request("POST", "/review/save")).content })),
    [inTurn],
  );

  useEffect(() => {
    inTurn(async () => {
      const summary = await get("/review");
      const frame = summary.frames[0] ?? 0;
      return { summary, frame, boxes: await boxesOf(frame) };
    });
  }, []);
  return { ...state, show, edit, save };
}

async function boxesOf(frame) {
  return (await get(`/review/frames/${frame}`)).boxes;
}
