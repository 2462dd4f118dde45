// Small choices that this browser remembers.
import { useCallback, useState } from "./dom.js";

/** Like useState, kept under `key`; a browser without storage forgets it. */
export function useRemembered(key, initial) {
  const [value, setValue] = useState(() => read(key) ?? initial);
  const change = useCallback(
    (next) => {
      setValue(next);
      try {
        localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // storage is off, or full
      }
    },
    [key],
  );
  return [value, change];
}

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}
