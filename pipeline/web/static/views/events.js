// What happened: stored events with their snapshots and clips.
import { html, useEffect, useMemo, useState } from "../shared/dom.js";
import { get, withQuery } from "../shared/api.js";
import { capital, duration, moment } from "../shared/format.js";
import { usePolled } from "../shared/polled.js";
import { Empty, Failure, Loading } from "../shared/states.js";
import { EventDialog } from "./event_dialog.js";

const PAGE = 48;
const KINDS = ["object", "zone", "line", "dwell", "camera"];
const NO_FILTER = { camera: "", class: "", place: "", kind: "", since: "", until: "" };

export function Events() {
  const [filter, setFilter] = useState(NO_FILTER);
  const [open, setOpen] = useState(null);
  const pages = usePages(filter);
  const filtered = Object.values(filter).some(Boolean);
  return html`
    <div class="head">
      <h1>Events</h1>
      <span class="gap"></span>
      <button type="button" onClick=${pages.refresh}>Refresh</button>
    </div>
    ${pages.error?.status !== 404 && html`<${Filters} filter=${filter} setFilter=${setFilter} />`}
    <${Found} pages=${pages} filtered=${filtered} open=${setOpen} />
    ${open && html`<${EventDialog} event=${open} close=${() => setOpen(null)} />`}
  `;
}

/** Return the events that a filter finds: { events, more, busy, error, refresh }. */
function usePages(filter) {
  const [state, setState] = useState({ events: null, next: null, error: null });
  const [busy, setBusy] = useState(false);
  const query = useMemo(
    () => ({ ...filter, since: seconds(filter.since), until: seconds(filter.until), limit: PAGE }),
    [filter],
  );
  const load = async (before, signal) => {
    setBusy(true);
    try {
      const found = await get(withQuery("/events", { ...query, before }), { signal });
      setState((old) => ({
        events: before ? [...old.events, ...found.events] : found.events,
        next: found.next,
        error: null,
      }));
    } catch (error) {
      if (!signal?.aborted) setState((old) => ({ ...old, events: null, error }));
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    const abort = new AbortController();
    load(null, abort.signal);
    return () => abort.abort();
  }, [query]);
  return {
    ...state,
    busy,
    more: state.next === null || state.next === undefined ? null : () => load(state.next),
    refresh: () => load(null),
  };
}

function Filters({ filter, setFilter }) {
  const cameras = usePolled("/cameras").content?.cameras ?? [];
  const change = (event) => setFilter({ ...filter, [event.target.name]: event.target.value });
  return html`<form class="filters" aria-label="Filter" onSubmit=${(event) => event.preventDefault()}>
    <label>
      Camera
      <select name="camera" onChange=${change}>
        <option value="">all</option>
        ${cameras.map(({ name }) => html`<option value=${name}>${name}</option>`)}
      </select>
    </label>
    <label>
      Kind
      <select name="kind" onChange=${change}>
        <option value="">all</option>
        ${KINDS.map((kind) => html`<option value=${kind}>${kind}</option>`)}
      </select>
    </label>
    <label>Class <input name="class" placeholder="all" onChange=${change} /></label>
    <label>Line or zone <input name="place" placeholder="all" onChange=${change} /></label>
    <label>From <input type="datetime-local" name="since" onChange=${change} /></label>
    <label>Until <input type="datetime-local" name="until" onChange=${change} /></label>
  </form>`;
}

function Found({ pages, filtered, open }) {
  if (pages.error?.status === 404) {
    return html`<${Empty}
      title="Events are not stored yet"
      hint="Add this to the configuration, and start again:"
      code=${"events:\n  folder: runs/events"}
    />`;
  }
  if (pages.error) return html`<${Failure} error=${pages.error} retry=${pages.refresh} />`;
  if (!pages.events) return html`<${Loading} what="the events" />`;
  if (!pages.events.length) {
    return filtered
      ? html`<${Empty} title="No event matches" hint="Choose other filters." />`
      : html`<${Empty} title="Nothing has happened yet" hint="New events appear here." />`;
  }
  return html`
    <ul class="events">
      ${pages.events.map(
        (event) => html`<li key=${event.uuid}>
          <button type="button" onClick=${() => open(event)}>
            <${Thumbnail} event=${event} />
            <strong>${titleOf(event)}</strong>
            <span>${event.stream} · ${moment(event.start.wall)}</span>
            <small>${[lengthOf(event), event.clip_state === "ready" && "clip"].filter(Boolean).join(" · ")}</small>
          </button>
        </li>`,
      )}
    </ul>
    ${pages.more &&
    html`<p class="more">
      <button type="button" onClick=${pages.more} disabled=${pages.busy}>
        ${pages.busy ? "Loading …" : "Older events"}
      </button>
    </p>`}
  `;
}

function Thumbnail({ event }) {
  if (!event.snapshot) return html`<span class="no-picture">${event.kind}</span>`;
  return html`<img src=${fileOf(event, "snapshot.jpg")} alt="" loading="lazy" />`;
}

/** Return the address of a file of an event. */
export function fileOf(event, name) {
  return `/api/v1/events/${event.uuid}/${name}`;
}

/** Return what happened in a few words. */
export function titleOf({ kind, class: name, place, direction, cause }) {
  const who = capital(name ?? "");
  if (kind === "camera") return `Camera lost${cause ? `: ${cause}` : ""}`;
  if (kind === "line") return `${who} crossed ${place}${direction ? `, ${direction}` : ""}`;
  if (kind === "zone") return `${who} in ${place}`;
  if (kind === "dwell") return `${who} stays in ${place}`;
  return who || capital(kind);
}

/** Return how long an event took. */
export function lengthOf({ kind, start, end, ended_by: cause }) {
  if (kind === "line") return ""; // a moment
  if (!end) return "still going on";
  const length = duration(Math.max(0, end.wall - start.wall));
  return cause ? `${length}, ended by ${cause}` : length;
}

function seconds(local) {
  return local ? new Date(local).getTime() / 1000 : "";
}
