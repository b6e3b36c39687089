// The custom element <ppm-email-settings>: the Email tab on any page, in a shadow root.
//
// A page needs one line, <script type="module" src="https://mail.example.com/embed.js"></script>,
// and under a strict Content-Security-Policy, with that server's origin:
//   script-src https://mail.example.com 'wasm-unsafe-eval'; connect-src https://mail.example.com
// No style-src: the style sheet is made by script and adopted. No img-src, font-src or frame-src.
// What there is to set and to hear is in embed.d.ts and docs/embedding.md.

// Where this script came from: its other files lie beside it. The build writes their final names.
const HERE = new URL(".", import.meta.url);
const GLUE = new URL("pkg/ppm-email.js", HERE).href;
const WASM = new URL("pkg/ppm-email.wasm", HERE).href;
const SHEET = new URL("pkg/ppm-email-embed.css", HERE).href;

const PATIENCE = 45_000; // milliseconds that a server has for its answer
const PATIENCE_FOR_TOKEN = 10_000; // and a page for saying how to get its token
const LEAVE = "There are unsaved changes in the email settings. Leave without saving them?";

let bundle; // a promise of the tab's module and style sheet, the same for every element of a page
let attempts = 0;

/** Loads the tab's module and style sheet, once; after a failure anew. */
function load() {
  bundle ??= loadAnew().catch((error) => {
    bundle = undefined;
    throw error;
  });
  return bundle;
}

async function loadAnew() {
  // A browser may remember an import that failed, by its whole address.
  const again = attempts++ ? `#${attempts}` : "";
  const css = fetched(SHEET).then((answer) => answer.text());
  const wasm = fetched(WASM);
  wasm.catch(() => {}); // told below, after the glue
  const [glue, sheet] = await Promise.all([import(GLUE + again), css.then(adoptable)]);
  await glue.default({ module_or_path: await wasm });
  return { mount: glue.mount, sheet };
}

async function fetched(address) {
  const answer = await fetch(address, { credentials: "omit" });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return answer;
}

function adoptable(css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}

// Until the style sheet is there, or where it does not come.
const MEANWHILE = adoptable(`:host { display: block }
.embedded {
  all: initial; display: block; direction: ltr; visibility: inherit; color-scheme: inherit;
  font: medium/1.5 system-ui, sans-serif; color: CanvasText; background: Canvas;
}`);

// The tab's sizes go by this length, which the page's root has no part in.
try {
  CSS.registerProperty({
    name: "--ppm-rem",
    syntax: "<length>",
    inherits: true,
    initialValue: "16px",
  });
} catch {
  // Registered before, or a browser that takes it for what it stands for anyway.
}

class PpmEmailSettings extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  #base; // the server's address as a script of the page has set it
  #server; // the server's address, without a slash at its end; the same once the tab is loaded
  #getToken;
  #mayAskForToken;
  #canAskForToken = new Promise((resolve) => (this.#mayAskForToken = resolve));
  #isLoading = false;
  #tab; // the mounted tab, whose `free()` unmounts it
  #isDirty = false;
  #mayLeave = false; // whether the person has agreed to lose what is unsaved

  constructor() {
    super();
    // What was set before this class was known hides the class's own property.
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
    this.#mayAskForToken();
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

  // Moved by `moveBefore`, an element has not been away.
  connectedMoveCallback() {}

  disconnectedCallback() {
    // A move takes an element out and puts it back in one task.
    setTimeout(() => this.#unmountIfGone());
  }

  /** Unmounts the tab of an element that was removed, unless something in it is unsaved. */
  #unmountIfGone() {
    if (this.isConnected || !this.#tab || (this.#isDirty && !this.#mayLeave)) return;
    this.#tab.free();
    this.#tab = undefined;
    this.#root.replaceChildren();
    this.#hearDirty(false);
  }

  async #show() {
    this.#isLoading = true;
    if (!this.#root.adoptedStyleSheets.length) this.#root.adoptedStyleSheets = [MEANWHILE];
    this.#fill(paragraph("Loading…", { class: "hint", role: "status" }));
    try {
      this.#findServer(); // nothing is loaded for an address that is refused
      const { mount, sheet } = await load();
      this.#server ??= this.#findServer();
      this.#root.adoptedStyleSheets = [sheet];
      // Removed meanwhile: the next connection begins anew.
      if (this.isConnected) this.#tab = mount(this.#fill(), this.#script);
    } catch (error) {
      const isRefused = error instanceof BaseRefused;
      if (isRefused) console.error(error.message);
      this.#fill(isRefused ? refusal() : this.#apology());
      this.#say("error", { code: isRefused ? "base-refused" : "not-loaded", cause: error });
    } finally {
      this.#isLoading = false;
    }
  }

  /** The server's address: the page's script has set it, or else the attribute may name it. */
  #findServer() {
    const attribute = this.getAttribute("base");
    return this.#base ? addressOf(this.#base) : serverOf(attribute);
  }

  /** Fills the shadow root with a fresh box that nothing of the page's style reaches. */
  #fill(...content) {
    const inside = made("div", { lang: "en" }, ...content);
    this.#root.replaceChildren(made("div", { class: "embedded" }, inside));
    inside.addEventListener("input", () => {
      this.#mayLeave = false;
      this.#guardLeaving();
    });
    return inside;
  }

  #apology() {
    const again = made("button", { type: "button", part: "button" }, "Try again");
    again.addEventListener("click", () => this.#show());
    return made(
      "section",
      { class: "notice bad", part: "notice", role: "alert" },
      paragraph("The email settings could not be loaded."),
      made("div", { class: "actions" }, again),
    );
  }

  /** What the tab asks of this script, and tells it. */
  #script = {
    call: (path, body) => this.#call(path, body),
    open: (path, signal) => this.#open(path, signal),
    address: (path) => this.#server + path,
    tell: (event, detail) => this.#hear[event](detail),
  };

  /** How to hear what the tab tells. */
  #hear = {
    "dirty-change": (dirty) => this.#hearDirty(dirty),
    saved: (revision) => this.#say("saved", { revision }),
    "token-change": (status) => this.#say("token-change", { status }),
    error: (json) => this.#say("error", { code: codeOf(JSON.parse(json)) }),
  };

  #hearDirty(dirty) {
    if (dirty === this.#isDirty) return;
    this.#isDirty = dirty;
    this.#guardLeaving();
    this.#say("dirty-change", { dirty });
    setTimeout(() => this.#unmountIfGone()); // saved while away; not from inside the tab
  }

  #say(event, detail) {
    const options = { detail, bubbles: true, composed: true };
    this.dispatchEvent(new CustomEvent(`ppm-${event}`, options));
  }

  /** Lets the browser ask before a page with something unsaved is left, and only then. */
  #guardLeaving() {
    const isGuarded = this.#isDirty && !this.#mayLeave;
    if (isGuarded) window.addEventListener("beforeunload", this.#ask);
    else window.removeEventListener("beforeunload", this.#ask);
  }

  #ask = (event) => event.preventDefault();

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

  /** Asks the server, with a fresh token once more where the first was refused. */
  async #request(path, request) {
    const answer = await this.#fetch(path, request);
    const isRefused = answer.status === 401 && this.#getToken;
    return isRefused ? this.#fetch(path, request) : answer;
  }

  async #fetch(path, request) {
    // The page's own script may run a moment after this one.
    await Promise.race([this.#canAskForToken, pause(PATIENCE_FOR_TOKEN)]);
    const token = await this.#getToken?.();
    const headers = { ...request.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    return fetch(`${this.#server}/bearer${path}`, {
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE),
      ...request,
      headers,
    });
  }
}

/** A server that only an attribute names, at another origin than this script's. */
class BaseRefused extends Error {}

/**
 * The server that an element's attribute may name: one of this script's own origin, which the page
 * trusts already. Markup that was injected into a page can have any attribute, and would have the
 * host's token sent to its author.
 */
function serverOf(attribute) {
  const address = addressOf(attribute || HERE);
  const { origin } = new URL(address);
  if (origin === HERE.origin) return address;
  throw new BaseRefused(
    `<ppm-email-settings>: the attribute base names ${origin}, but embed.js came from ` +
      `${HERE.origin}. The token goes nowhere else, unless a script sets the property base.`,
  );
}

/** An address without a slash at its end. The page's <base>, which is markup too, has no say. */
function addressOf(base) {
  const address = new URL(base, location.href);
  if (!/^https?:$/.test(address.protocol)) throw new Error(`no server is at ${address}`);
  return address.href.replace(/[?#].*$/, "").replace(/\/+$/, "");
}

/** What stands in the place of a tab whose server is refused. */
function refusal() {
  return made(
    "section",
    { class: "notice bad", part: "notice", role: "alert" },
    paragraph("The email settings are not shown: this page names a server that they do not belong to."),
  );
}

/** A refusal's code: `"signed-out"`, or `{"oversized": "basic-server"}` with what it is about. */
function codeOf(refusal) {
  return typeof refusal === "string" ? refusal : Object.keys(refusal)[0];
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function made(name, attributes, ...content) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

function paragraph(text, attributes = {}) {
  return made("p", attributes, text);
}

if (!customElements.get("ppm-email-settings")) {
  customElements.define("ppm-email-settings", PpmEmailSettings);
}
