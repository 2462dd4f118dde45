// A camera's newest frame as a picture, every few seconds.
import { html, useEffect, useState } from "../shared/dom.js";
import { cameraPath } from "../shared/api.js";

const SECONDS = 3;

export function Snapshot({ name }) {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const abort = new AbortController();
    let timer = null;
    let current = "";
    const ask = async () => {
      try {
        const path = `/api/v1${cameraPath(name, "/snapshot.jpg")}`;
        const answer = document.hidden ? null : await fetch(path, { signal: abort.signal });
        if (answer?.ok) {
          const next = URL.createObjectURL(await answer.blob());
          URL.revokeObjectURL(current);
          setUrl((current = next));
        }
      } catch {
        // the banner says that the server is away
      }
      if (!abort.signal.aborted) timer = setTimeout(ask, SECONDS * 1000);
    };
    ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
      URL.revokeObjectURL(current);
    };
  }, [name]);
  return html`<div class="live">
    ${url
      ? html`<img src=${url} alt=${`Newest picture of ${name}`} />`
      : html`<p class="notice">Waiting for the first picture …</p>`}
  </div>`;
}
