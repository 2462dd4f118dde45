// The start of the review page.
import { html, render } from "../shared/dom.js";
import { Review } from "./review.js";

render(html`<${Review} />`, document.getElementById("page"));
