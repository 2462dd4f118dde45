// The start of the page.
import { html, render } from "./shared/dom.js";
import { Shell } from "./shell.js";

render(html`<${Shell} />`, document.getElementById("page"));
