// Requests to the server's API; everything that the page shows comes through it.

/** An answer that is no success, or none at all (status 0). */
export class ApiError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

const listeners = new Set();

/** Call `listener(status)` after each request: the HTTP status, 0 without an answer. */
export function onAnswer(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return { content, etag } of an answer; throws ApiError. */
export async function request(method, path, { body, headers = {}, signal } = {}) {
  const options = { method, headers: { ...headers }, signal };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    tell(0);
    throw new ApiError(0, "The server does not answer.");
  }
  tell(answer.status);
  const isJson = (answer.headers.get("Content-Type") ?? "").includes("json");
  const content = isJson ? await answer.json() : await answer.text();
  if (!answer.ok) throw new ApiError(answer.status, content.detail ?? answer.statusText);
  return { content, etag: answer.headers.get("ETag") };
}

/** Return the content of GET `path`. */
export async function get(path, options) {
  return (await request("GET", path, options)).content;
}

/** Return a path of the API with a query; empty values are left out. */
export function withQuery(path, values) {
  const given = Object.entries(values).filter(([, value]) => value || value === 0);
  const query = new URLSearchParams(given).toString();
  return query ? `${path}?${query}` : path;
}

/** Return the path of a camera in the API. */
export function cameraPath(name, more = "") {
  return `/cameras/${encodeURIComponent(name)}${more}`;
}

function tell(status) {
  for (const listener of listeners) listener(status);
}
