// Who looks at the page, and what they may do.
import { get, request } from "./api.js";

/** Return { login, name, role }: `login` says whether somebody has to log in. */
export function session() {
  return get("/session");
}

/** Begin a session; throws ApiError for a wrong password, or too many of them. */
export async function logIn(name, password) {
  await request("POST", "/session", { body: { name, password } });
}

/** End the session. */
export async function logOut() {
  await request("DELETE", "/session");
}

/** Return whether somebody may change things. */
export function isAdmin(who) {
  return who?.role === "admin";
}
