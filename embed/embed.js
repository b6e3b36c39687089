// The custom element <ppm-email-settings>: the Email tab on any page, in a shadow root.
//
// A page needs one line, <script type="module" src="https://mail.example.com/embed.js"></script>,
// and under a strict Content-Security-Policy, with that server's origin:
//   script-src https://mail.example.com 'wasm-unsafe-eval'; connect-src https://mail.example.com
// No style-src: the style sheet is constructed by script and adopted. No img-src, font-src or
// frame-src. Properties and events are documented in embed.d.ts and docs/embedding.md.

// This script's directory, which holds the other files. The build inserts their final names.
const HERE = new URL(".", import.meta.url);
const GLUE = new URL("pkg/ppm-email.js", HERE).href;
const WASM = new URL("pkg/ppm-email.wasm", HERE).href;
const SHEET = new URL("pkg/ppm-email-embed.css", HERE).href;

const REQUEST_TIMEOUT = 45_000; // milliseconds
const GET_TOKEN_TIMEOUT = 10_000; // milliseconds that the page has to set `getToken`
const LEAVE = "There are unsaved changes in the email settings. Leave without saving them?";

let bundle; // a promise of the tab's module and style sheet, shared by all elements of a page
let attempts = 0;

/** Loads the tab's module and style sheet once. A failure is not cached. */
function load() {
  bundle ??= loadBundle().catch((error) => {
    bundle = undefined;
    throw error;
  });
  return bundle;
}

async function loadBundle() {
  // Browsers may cache a failed import by its URL; a fragment makes the URL new.
  const again = attempts++ ? `#${attempts}` : "";
  const css = fetchOk(SHEET).then((answer) => answer.text());
  const wasm = fetchOk(WASM);
  wasm.catch(() => {}); // rejects below, at its await
  const [glue, sheet] = await Promise.all([import(GLUE + again), css.then(styleSheet)]);
  await glue.default({ module_or_path: await wasm });
  return { mount: glue.mount, sheet };
}

async function fetchOk(address) {
  const answer = await fetch(address, { credentials: "omit" });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return answer;
}

function styleSheet(css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}

// The style sheet until the real one has loaded, or if it fails to load.
const FALLBACK = styleSheet(`:host { display: block }
.embedded {
  all: initial; display: block; direction: ltr; visibility: inherit; color-scheme: inherit;
  font: medium/1.5 system-ui, sans-serif; color: CanvasText; background: Canvas;
}`);

// The tab's unit of length, used instead of `rem`, which depends on the page's root element.
try {
  CSS.registerProperty({
    name: "--ppm-rem",
    syntax: "<length>",
    inherits: true,
    initialValue: "16px",
  });
} catch {
  // Registered already, or not supported; then the property works unregistered.
}

class PpmEmailSettings extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  #base; // the server's URL as set by a script of the page
  #server; // the server's URL without a trailing slash; fixed once the tab is loaded
  #getToken;
  #resolveHasGetToken;
  #hasGetToken = new Promise((resolve) => (this.#resolveHasGetToken = resolve));
  #isLoading = false;
  #tab; // the mounted tab, whose `free()` unmounts it
  #isDirty = false;
  #mayLeave = false; // whether the user has agreed to lose unsaved changes

  constructor() {
    super();
    // Properties set before the element was upgraded shadow the class's accessors.
    for (const name of ["base", "getToken"]) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      this[name] = value;
    }
  }

  get base() {
    return this.#base;
  }

  set base(base) {
    this.#base = base;
    if (this.isConnected && !this.#tab && !this.#isLoading) this.#show();
  }

  get getToken() {
    return this.#getToken;
  }

  set getToken(getToken) {
    this.#getToken = getToken;
    this.#resolveHasGetToken();
  }

  get dirty() {
    return this.#isDirty;
  }

  confirmLeave() {
    this.#mayLeave = !this.#isDirty || window.confirm(LEAVE);
    this.#guardLeaving();
    return this.#mayLeave;
  }

  connectedCallback() {
    this.#mayLeave = false;
    this.#guardLeaving();
    if (!this.#tab && !this.#isLoading) this.#show();
  }

  // Defined so that `moveBefore` does not disconnect the element.
  connectedMoveCallback() {}

  disconnectedCallback() {
    // A move removes and reinserts the element within one task.
    setTimeout(() => this.#unmountIfRemoved());
  }

  /** Unmounts the tab of a removed element, unless it has unsaved changes. */
  #unmountIfRemoved() {
    if (this.isConnected || !this.#tab || (this.#isDirty && !this.#mayLeave)) return;
    this.#tab.free();
    this.#tab = undefined;
    this.#root.replaceChildren();
    this.#setDirty(false);
  }

  async #show() {
    this.#isLoading = true;
    if (!this.#root.adoptedStyleSheets.length) this.#root.adoptedStyleSheets = [FALLBACK];
    this.#fill(paragraph("Loading…", { class: "hint", role: "status" }));
    try {
      this.#findServer(); // throws for a refused base before anything is loaded
      const { mount, sheet } = await load();
      this.#server ??= this.#findServer();
      this.#root.adoptedStyleSheets = [sheet];
      // If the element was removed meanwhile, the next connection starts again.
      if (this.isConnected) this.#tab = mount(this.#fill(), this.#script);
    } catch (error) {
      const isRefused = error instanceof BaseRefused;
      if (isRefused) console.error(error.message);
      this.#fill(isRefused ? refusedView() : this.#failedView());
      this.#dispatch("error", { code: isRefused ? "base-refused" : "not-loaded", cause: error });
    } finally {
      this.#isLoading = false;
    }
  }

  /** The server's URL: from the property set by script, or else from the attribute. */
  #findServer() {
    const attribute = this.getAttribute("base");
    return this.#base ? addressOf(this.#base) : serverOf(attribute);
  }

  /** Fills the shadow root with a new container, isolated from the page's inherited styles. */
  #fill(...content) {
    const inside = build("div", { lang: "en" }, ...content);
    this.#root.replaceChildren(build("div", { class: "embedded" }, inside));
    inside.addEventListener("input", () => {
      this.#mayLeave = false;
      this.#guardLeaving();
    });
    return inside;
  }

  #failedView() {
    const again = build("button", { type: "button", part: "button" }, "Try again");
    again.addEventListener("click", () => this.#show());
    return build(
      "section",
      { class: "notice bad", part: "notice", role: "alert" },
      paragraph("The email settings could not be loaded."),
      build("div", { class: "actions" }, again),
    );
  }

  /** The interface that the Wasm module calls. */
  #script = {
    call: (path, body) => this.#call(path, body),
    open: (path, signal) => this.#open(path, signal),
    address: (path) => this.#server + path,
    tell: (event, detail) => this.#handlers[event](detail),
  };

  /** Handlers of the tab's events. */
  #handlers = {
    "dirty-change": (dirty) => this.#setDirty(dirty),
    saved: (revision) => this.#dispatch("saved", { revision }),
    "token-change": (status) => this.#dispatch("token-change", { status }),
    incident: (json) => this.#dispatch("incident", incidentOf(JSON.parse(json))),
    error: (json) => this.#dispatch("error", { code: codeOf(JSON.parse(json)) }),
  };

  #setDirty(dirty) {
    if (dirty === this.#isDirty) return;
    this.#isDirty = dirty;
    this.#guardLeaving();
    this.#dispatch("dirty-change", { dirty });
    setTimeout(() => this.#unmountIfRemoved()); // saved after removal; deferred, as the tab is calling
  }

  #dispatch(event, detail) {
    const options = { detail, bubbles: true, composed: true };
    this.dispatchEvent(new CustomEvent(`ppm-${event}`, options));
  }

  /** Listens for `beforeunload` only while there are unsaved changes. */
  #guardLeaving() {
    const isGuarded = this.#isDirty && !this.#mayLeave;
    if (isGuarded) window.addEventListener("beforeunload", this.#preventUnload);
    else window.removeEventListener("beforeunload", this.#preventUnload);
  }

  #preventUnload = (event) => event.preventDefault();

  async #call(path, body) {
    const headers = { "Content-Type": "application/json" };
    const answer = await this.#request(path, { method: "POST", headers, body });
    return { status: answer.status, text: await answer.text() };
  }

  async #open(path, signal) {
    const answer = await this.#request(path, { signal });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
    return answer.body.getReader();
  }

  /** Sends a request, and once more with a new token after a 401 response. */
  async #request(path, request) {
    const answer = await this.#fetch(path, request);
    const isRefused = answer.status === 401 && this.#getToken;
    return isRefused ? this.#fetch(path, request) : answer;
  }

  async #fetch(path, request) {
    // The page's script may set `getToken` after this script has run.
    await Promise.race([this.#hasGetToken, pause(GET_TOKEN_TIMEOUT)]);
    const token = await this.#getToken?.();
    const headers = { ...request.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    return fetch(`${this.#server}/bearer${path}`, {
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT),
      ...request,
      headers,
    });
  }
}

/** The attribute `base` names an origin other than this script's. */
class BaseRefused extends Error {}

/**
 * The server's URL from the attribute, which must have this script's origin: the page trusts that
 * already. Otherwise markup injected into a page could send the host's token to an attacker.
 */
function serverOf(attribute) {
  const address = addressOf(attribute || HERE);
  const { origin } = new URL(address);
  if (origin === HERE.origin) return address;
  throw new BaseRefused(
    `<ppm-email-settings>: the attribute base names ${origin}, but embed.js came from ` +
      `${HERE.origin}. The token is sent to no other origin, unless a script sets the property base.`,
  );
}

/** The URL without a trailing slash. Ignores the page's <base>, which is markup too. */
function addressOf(base) {
  const address = new URL(base, location.href);
  if (!/^https?:$/.test(address.protocol)) throw new Error(`no server is at ${address}`);
  return address.href.replace(/[?#].*$/, "").replace(/\/+$/, "");
}

/** The message shown instead of the tab if the server is refused. */
function refusedView() {
  return build(
    "section",
    { class: "notice bad", part: "notice", role: "alert" },
    paragraph("The email settings are not shown: this page names a server that they do not belong to."),
  );
}

/** An error's code: `"signed-out"` itself, or the key of `{"oversized": "basic-server"}`. */
function codeOf(error) {
  return typeof error === "string" ? error : Object.keys(error)[0];
}

/** An incident with its instant in ISO 8601; `null` if there is none. */
function incidentOf(incident) {
  return incident && { ...incident, since: new Date(incident.since).toISOString() };
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function build(name, attributes, ...content) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

function paragraph(text, attributes = {}) {
  return build("p", attributes, text);
}

if (!customElements.get("ppm-email-settings")) {
  customElements.define("ppm-email-settings", PpmEmailSettings);
}
