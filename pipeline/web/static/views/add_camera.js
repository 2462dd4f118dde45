// A new camera: its address is tested, then it is added.
import { html, useRef, useState } from "../shared/dom.js";
import { cameraPath, request } from "../shared/api.js";
import { Dialog } from "../shared/dialog.js";

export function AddCamera({ close }) {
  const form = useRef(null);
  const [busy, setBusy] = useState("");
  const [result, setResult] = useState(null); // { good, text }
  const run = async (doing, act) => {
    setBusy(doing);
    setResult(null);
    try {
      await act(sourceIn(form.current));
    } catch (error) {
      setResult({ good: false, text: messageOf(error, doing) });
    } finally {
      setBusy("");
    }
  };
  const test = () =>
    form.current.reportValidity() &&
    run("testing", async ({ name, ...source }) => {
      const { content } = await request("POST", "/probe", { body: source });
      setResult({ good: content.ok !== false, text: content.text });
    });
  const add = (event) => {
    event.preventDefault();
    run("adding", async ({ name, ...source }) => {
      await request("PUT", cameraPath(name), { body: source });
      close();
    });
  };
  return html`<${Dialog} title="Add a camera" close=${close}>
    <form ref=${form} onSubmit=${add}>
      <label>
        Name
        <input name="name" required maxlength="64" placeholder="front-door" autocomplete="off" />
      </label>
      <label>
        Address
        <input name="url" required placeholder="rtsp://192.168.1.20/stream1" autocomplete="off"
          spellcheck=${false} />
      </label>
      <div class="columns">
        <label>User <input name="user" autocomplete="off" /></label>
        <label>Password <input name="password" type="password" autocomplete="new-password" /></label>
      </div>
      <label>
        Transport of RTSP
        <select name="transport">
          <option value="">TCP</option>
          <option value="udp">UDP</option>
        </select>
      </label>
      <p class="hint">User and password stay on the server; no page shows them.</p>
      <div aria-live="polite">
        ${busy === "testing" && html`<p class="hint">Connecting …</p>`}
        ${result && html`<p class=${result.good ? "success" : "error"}>${result.text}</p>`}
      </div>
      <footer>
        <button type="button" onClick=${test} disabled=${Boolean(busy)}>Test</button>
        <span class="gap"></span>
        <button type="button" onClick=${close}>Cancel</button>
        <button class="main" disabled=${Boolean(busy)}>
          ${busy === "adding" ? "Adding …" : "Add"}
        </button>
      </footer>
    </form>
  <//>`;
}

function sourceIn(form) {
  const given = [...new FormData(form)].map(([key, value]) => [key, value.trim()]);
  return Object.fromEntries(given.filter(([, value]) => value));
}

function messageOf(error, doing) {
  const absent = doing === "testing" && error.status === 404;
  return absent ? "This server cannot test addresses. Add the camera to see whether it works."
    : error.message;
}
