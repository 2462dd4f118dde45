// The frame around all views: who is logged in, where one can go, and whether the server answers.
import { html, useCallback, useEffect, useState } from "./shared/dom.js";
import { onAnswer } from "./shared/api.js";
import { href, useRoute } from "./shared/route.js";
import { isAdmin, logOut, session } from "./shared/session.js";
import { Failure, Loading } from "./shared/states.js";
import { Camera } from "./views/camera.js";
import { Events } from "./views/events.js";
import { Login } from "./views/login.js";
import { Recordings } from "./views/recordings.js";
import { System } from "./views/system.js";
import { Wall } from "./views/wall.js";
import { ZonesEditor } from "./zones/editor.js";

const SECTIONS = [
  ["cameras", "Cameras", "M3 6h12v12H3zM15 10l6-3v10l-6-3"],
  ["events", "Events", "M4 6h16M4 12h16M4 18h10"],
  ["recordings", "Recordings", "M12 4a8 8 0 1 0 .01 0M12 8v4l3 2"],
  ["system", "System", "M4 19V9M10 19V5M16 19v-7M21 19H3"],
];

export function Shell() {
  const [who, setWho] = useState(null);
  const [error, setError] = useState(null);
  const [section = "cameras", name, part] = useRoute();
  const refresh = useCallback(
    () => session().then((found) => (setError(null), setWho(found)), setError),
    [],
  );
  useEffect(() => {
    refresh();
    return onAnswer((status) => status === 401 && refresh());
  }, [refresh]);
  useEffect(() => {
    document.title = [name, title(section), "Framelane"].filter(Boolean).join(" · ");
  }, [section, name]);
  if (!who) {
    return error ? html`<${Failure} error=${error} retry=${refresh} />` : html`<${Loading} />`;
  }
  if (who.login && !who.name) return html`<${Login} done=${refresh} />`;
  const leave = () => logOut().then(refresh, setError);
  return html`
    <a class="skip" href="#content" onClick=${skip}>Skip to the content</a>
    <header class="bar">
      <a class="brand" href=${href("cameras")}><img src="/static/icon.svg" alt="" />Framelane</a>
      <nav aria-label="Sections">
        ${SECTIONS.map(
          ([key, label, icon]) => html`<a
            href=${href(key)}
            aria-current=${key === section ? "page" : undefined}
          >
            <svg viewBox="0 0 24 24" aria-hidden="true"><path d=${icon} /></svg>${label}
          </a>`,
        )}
      </nav>
      ${who.login &&
      html`<div class="who">
        <span>${who.name} <small>${who.role}</small></span>
        <button type="button" onClick=${leave}>Log out</button>
      </div>`}
    </header>
    <${ServerBanner} />
    <main id="content" tabindex="-1">
      <${View} section=${section} name=${name} part=${part} admin=${isAdmin(who)} />
    </main>
  `;
}

function View({ section, name, part, admin }) {
  if (section === "cameras" && name && part === "zones") {
    return html`<${ZonesEditor} key=${name} camera=${name} admin=${admin} />`;
  }
  if (section === "cameras" && name) {
    return html`<${Camera} key=${name} name=${name} admin=${admin} />`;
  }
  if (section === "events") return html`<${Events} />`;
  if (section === "recordings") return html`<${Recordings} />`;
  if (section === "system") return html`<${System} />`;
  return html`<${Wall} admin=${admin} />`;
}

/** Says that the server does not answer, until it does. */
function ServerBanner() {
  const [away, setAway] = useState(false);
  useEffect(() => onAnswer((status) => setAway(status === 0)), []);
  if (!away) return null;
  return html`<p class="banner" role="alert">
    The server does not answer. The page tries again by itself.
  </p>`;
}

function title(section) {
  return SECTIONS.find(([key]) => key === section)?.[1] ?? "";
}

function skip(event) {
  event.preventDefault(); // the address after # is the view's
  document.getElementById("content").focus();
}
