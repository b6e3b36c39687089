// The tab in an iframe: relays messages between the element on this page and the parent page.
// Messages go only to the one origin that the server wrote into this page; messages from any other
// origin are ignored. A message is { ppm: 1, type, … }.

const host = document.body.dataset.host;
const element = document.querySelector("ppm-email-settings");

/** How long the host has to answer a token request, in milliseconds. */
const TOKEN_TIMEOUT = 10_000;

/** How often the request is repeated: the host may start to listen after the frame has loaded. */
const RETRY_INTERVAL = 500;

/** The resolvers of pending token requests, by request id. */
const pending = new Map();
let lastId = 0;

function send(type, content = {}) {
  // A top-level window has no parent.
  if (window.parent !== window) {
    window.parent.postMessage({ ppm: 1, type, ...content }, host);
  }
}

function hostToken() {
  const id = ++lastId;
  const answer = new Promise((resolve, reject) => {
    pending.set(id, resolve);
    setTimeout(() => reject(new Error(`${host} said no token within ${TOKEN_TIMEOUT} ms`)), TOKEN_TIMEOUT);
  });
  const ask = () => send("token-wanted", { id });
  const retry = setInterval(ask, RETRY_INTERVAL);
  ask();
  return answer.finally(() => {
    clearInterval(retry);
    pending.delete(id);
  });
}

const handlers = {
  token({ id, token }) {
    if (typeof token === "string") pending.get(id)?.(token);
  },
  leave({ id }) {
    send("leave-answer", { id, leave: element.confirmLeave() });
  },
};

function receive({ data, origin, source }) {
  if (origin !== host || source !== window.parent || data?.ppm !== 1) return;
  if (Object.hasOwn(handlers, data.type)) handlers[data.type](data);
}

function relay(event, type, name) {
  element.addEventListener(event, ({ detail }) => send(type, { [name]: detail[name] }));
}

function measure() {
  send("height", { px: Math.ceil(document.documentElement.getBoundingClientRect().height) });
}

/** How often the save bar is placed, in milliseconds. */
const PLACE_INTERVAL = 100;

// A frame as tall as its content has no lower edge in sight, so the save bar sticks to that of the part
// in sight. An observer reports that part once each time that it starts to observe.
const inSight = new IntersectionObserver(([{ intersectionRect }]) => {
  inSight.disconnect();
  const edge = intersectionRect.height > 0 ? intersectionRect.bottom : window.innerHeight;
  const below = window.innerHeight - aboveFocus(edge);
  element.style.setProperty("--ppm-below", `${Math.max(0, below)}px`);
  setTimeout(placeSaveBar, PLACE_INTERVAL);
});

/** The lower edge of the save bar: this one, or the upper edge of the control that it would hide. */
function aboveFocus(edge) {
  const bar = element.shadowRoot.querySelector(".save-bar");
  const focused = element.shadowRoot.activeElement;
  if (!bar || !focused || bar.contains(focused)) return edge;
  const { top, bottom } = focused.getBoundingClientRect();
  const isHidden = top < edge && bottom > edge - 2 * bar.offsetHeight;
  return isHidden ? top : edge;
}

function placeSaveBar() {
  inSight.observe(document.documentElement);
}

// Wait until the element is upgraded, so that it accepts the property below.
await customElements.whenDefined("ppm-email-settings");
element.getToken = hostToken;
for (const [name, value] of new URLSearchParams(location.search)) {
  if (name === "language" || name === "theme") element.setAttribute(name, value);
}
relay("ppm-dirty-change", "dirty", "dirty");
relay("ppm-saved", "saved", "revision");
relay("ppm-error", "error", "code");
element.addEventListener("ppm-incident", ({ detail }) => send("incident", { incident: detail }));
window.addEventListener("message", receive);
element.addEventListener("ppm-dirty-change", placeSaveBar, { once: true });
new ResizeObserver(measure).observe(document.documentElement);
send("ready");
