// A modal dialog; the browser keeps the focus inside, and Escape closes it.
import { html, useEffect, useRef } from "./dom.js";

let made = 0;

/** Shows `children` over the page until `close` is called. */
export function Dialog({ title, close, children, wide = false }) {
  const element = useRef(null);
  const id = useRef(`dialog-${(made += 1)}`);
  useEffect(() => {
    element.current.showModal();
  }, []);
  const onClick = (event) => {
    if (event.target === element.current) close(); // the area around it
  };
  return html`<dialog
    ref=${element}
    class=${wide ? "wide" : ""}
    aria-labelledby=${id.current}
    onClose=${close}
    onClick=${onClick}
  >
    <div class="dialog-body">
      <header>
        <h2 id=${id.current}>${title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick=${close}>✕</button>
      </header>
      ${children}
    </div>
  </dialog>`;
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, text, verb, act, close }) {
  return html`<${Dialog} title=${title} close=${close}>
    <p>${text}</p>
    <footer>
      <button type="button" onClick=${close}>Cancel</button>
      <button type="button" class="danger" onClick=${act}>${verb}</button>
    </footer>
  <//>`;
}
