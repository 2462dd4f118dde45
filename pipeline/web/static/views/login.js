// Name and password.
import { html, useState } from "../shared/dom.js";
import { logIn } from "../shared/session.js";

export function Login({ done }) {
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const given = new FormData(event.target);
    setBusy(true);
    setError("");
    try {
      await logIn(given.get("name"), given.get("password"));
      await done();
    } catch (failure) {
      setError(failure.message);
    } finally {
      setBusy(false);
    }
  };
  return html`<main class="login">
    <form onSubmit=${submit}>
      <h1><img src="/static/icon.svg" alt="" />Framelane</h1>
      <label>Name <input name="name" autocomplete="username" required autofocus /></label>
      <label
        >Password
        <input name="password" type="password" autocomplete="current-password" required
      /></label>
      ${error && html`<p class="error" role="alert">${error}</p>`}
      <button class="main" disabled=${busy}>${busy ? "Logging in …" : "Log in"}</button>
    </form>
  </main>`;
}
