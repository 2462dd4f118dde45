// What can be undone and done again.
import { useCallback, useState } from "../shared/dom.js";

const KEPT = 100; // steps

/**
 * Return the present value and how to change it.
 *
 * initial(): the first value
 * change(next, step): steps of the same name in a row are one, such as those of a drag
 */
export function useHistory(initial) {
  const [state, setState] = useState(() => stateOf(initial()));
  const change = useCallback((next, step = null) => {
    setState((old) => {
      const present = typeof next === "function" ? next(old.present) : next;
      if (present === old.present) return old;
      const same = step !== null && step === old.step;
      const past = same ? old.past : [...old.past, old.present].slice(-KEPT);
      return { past, present, future: [], step };
    });
  }, []);
  const undo = useCallback(() => {
    setState(({ past, present, future, ...old }) =>
      past.length
        ? { past: past.slice(0, -1), present: past.at(-1), future: [present, ...future], step: null }
        : { past, present, future, ...old },
    );
  }, []);
  const redo = useCallback(() => {
    setState(({ past, present, future, ...old }) =>
      future.length
        ? { past: [...past, present], present: future[0], future: future.slice(1), step: null }
        : { past, present, future, ...old },
    );
  }, []);
  const reset = useCallback((present) => setState(stateOf(present)), []);
  return {
    present: state.present,
    change,
    reset,
    undo: state.past.length ? undo : null,
    redo: state.future.length ? redo : null,
  };
}

function stateOf(present) {
  return { past: [], present, future: [], step: null };
}
