// The tab in a frame: carries words between the element on this page and the page around the frame.
// That page is at the one origin which this server wrote here; nobody else is told anything, and
// whatever anybody else says is dropped. Messages are { ppm: 1, type, … }.

const host = document.body.dataset.host;
const element = document.querySelector("ppm-email-settings");

/** How long the host may take to say its token, in milliseconds. */
const PATIENCE = 10_000;

/** How often it is asked until it does: its script may begin to listen after the frame is there. */
const ASK_EVERY = 500;

/** Who waits for a token, by the number under which the host was asked. */
const waiting = new Map();
let asked = 0;

function tell(type, content = {}) {
  // At the top of a window there is nobody around.
  if (window.parent !== window) {
    window.parent.postMessage({ ppm: 1, type, ...content }, host);
  }
}

function tokenOfHost() {
  const id = ++asked;
  const answer = new Promise((resolve, reject) => {
    waiting.set(id, resolve);
    setTimeout(() => reject(new Error(`${host} said no token within ${PATIENCE} ms`)), PATIENCE);
  });
  const ask = () => tell("token-wanted", { id });
  const asking = setInterval(ask, ASK_EVERY);
  ask();
  return answer.finally(() => {
    clearInterval(asking);
    waiting.delete(id);
  });
}

const answers = {
  token({ id, token }) {
    if (typeof token === "string") waiting.get(id)?.(token);
  },
  leave({ id }) {
    tell("leave-answer", { id, leave: element.confirmLeave() });
  },
};

function hear({ data, origin, source }) {
  if (origin !== host || source !== window.parent || data?.ppm !== 1) return;
  if (Object.hasOwn(answers, data.type)) answers[data.type](data);
}

function relay(event, type, name) {
  element.addEventListener(event, ({ detail }) => tell(type, { [name]: detail[name] }));
}

function measure() {
  tell("height", { px: Math.ceil(document.documentElement.getBoundingClientRect().height) });
}

// An element that has not come to life would not find what was put on it before.
await customElements.whenDefined("ppm-email-settings");
element.getToken = tokenOfHost;
for (const [name, value] of new URLSearchParams(location.search)) {
  if (name === "language" || name === "theme") element.setAttribute(name, value);
}
relay("ppm-dirty-change", "dirty", "dirty");
relay("ppm-saved", "saved", "revision");
relay("ppm-error", "error", "code");
window.addEventListener("message", hear);
new ResizeObserver(measure).observe(document.documentElement);
tell("ready");
