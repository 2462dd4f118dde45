// Content of the API that is asked for again and again while somebody looks.
import { useCallback, useEffect, useRef, useState } from "./dom.js";
import { get } from "./api.js";

/**
 * Return { content, error, refresh } of GET `path`.
 *
 * path: null asks for nothing
 * seconds: between two requests; 0 asks once
 * The last good content stays while requests fail.
 */
export function usePolled(path, seconds = 0) {
  const [state, setState] = useState({ path, content: null, error: null });
  const [round, setRound] = useState(0);
  const latest = useRef(path);
  latest.current = path;
  useEffect(() => {
    if (!path) return undefined;
    const abort = new AbortController();
    let timer = null;
    const ask = async () => {
      if (!document.hidden) {
        try {
          const content = await get(path, { signal: abort.signal });
          setState({ path, content, error: null });
        } catch (error) {
          if (abort.signal.aborted) return;
          setState((old) => ({ path, content: old.path === path ? old.content : null, error }));
        }
      }
      if (seconds && !abort.signal.aborted) timer = setTimeout(ask, seconds * 1000);
    };
    ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, seconds, round]);
  const refresh = useCallback(() => setRound((old) => old + 1), []);
  const current = state.path === path ? state : { content: null, error: null };
  return { content: current.content, error: current.error, refresh };
}
