// Which view is shown: the part of the address after `#`.
import { useEffect, useState } from "./dom.js";

/** Return the address of a view: href("cameras", "door") is `#/cameras/door`. */
export function href(...parts) {
  return `#/${parts.map(encodeURIComponent).join("/")}`;
}

/** Return the parts of the current address, and follow it. */
export function useRoute() {
  const [parts, setParts] = useState(current);
  useEffect(() => {
    const follow = () => setParts(current());
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  return parts;
}

function current() {
  const parts = window.location.hash.replace(/^#\/?/, "").split("/").filter(Boolean);
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return []; // a percent sign that stands for nothing
  }
}
