// What is shown where there is no content: it loads, there is none, or it failed.
import { html } from "./dom.js";

/** Says that something is on its way. */
export function Loading({ what = "" }) {
  return html`<div class="state" role="status">
    <span class="spinner" aria-hidden="true"></span>
    <p>Loading${what && ` ${what}`} …</p>
  </div>`;
}

/** Says that there is nothing yet, and what to do; children: buttons. */
export function Empty({ title, children, hint, code }) {
  return html`<div class="state">
    <h2>${title}</h2>
    ${hint && html`<p>${hint}</p>`}
    ${code && html`<pre tabindex="0"><code>${code}</code></pre>`}
    ${children}
  </div>`;
}

/** Says what failed; retry: called by the button. */
export function Failure({ error, retry }) {
  const title =
    error.status === 0
      ? "No connection"
      : error.status === 403
        ? "Not allowed"
        : "That did not work";
  return html`<div class="state bad" role="alert">
    <h2>${title}</h2>
    <p>${error.message}</p>
    ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
  </div>`;
}

/** Shows `children(content)` of a usePolled, or the state that stands in for it. */
export function Content({ polled, what, missing, children }) {
  if (polled.content) return children(polled.content);
  if (polled.error?.status === 404 && missing) return missing;
  if (polled.error) return html`<${Failure} error=${polled.error} retry=${polled.refresh} />`;
  return html`<${Loading} what=${what} />`;
}
