// Polls the inbox and updates the list. Existing entries are not rerendered, so that opened details
// and focus are kept.

const POLL_INTERVAL_MS = 2000;
const LISTENERS = {
  starttls: 'the STARTTLS port',
  tls: 'the port with implicit TLS',
  plain: 'the port without TLS',
  tokenOnly: 'the port for tokens only',
};

const list = document.querySelector('#messages');
const count = document.querySelector('#count');
const empty = document.querySelector('#empty');
const clear = document.querySelector('#clear');
const template = document.querySelector('#message');
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

clear.addEventListener('click', async () => {
  try {
    await fetch('/api/messages', { method: 'DELETE' });
  } finally {
    await refresh();
  }
});

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) refresh();
});
setInterval(() => {
  if (!document.hidden) refresh();
}, POLL_INTERVAL_MS);
refresh();

async function refresh() {
  try {
    const response = await fetch('/api/messages');
    if (!response.ok) throw new Error(`${response.status}`);
    show(await response.json());
  } catch {
    setStatus('The practice mail server does not answer. This is what it had last.');
  }
}

function show(messages) {
  const ids = new Set(messages.map(({ id }) => id));
  for (const item of [...list.children]) {
    if (!ids.has(item.dataset.id)) item.remove();
  }
  const shown = new Set([...list.children].map((item) => item.dataset.id));
  for (const message of messages.filter(({ id }) => !shown.has(id)).reverse()) list.prepend(item(message));

  empty.hidden = messages.length > 0;
  clear.disabled = messages.length === 0;
  setStatus(messages.length === 1 ? '1 message' : `${messages.length} messages`);
}

/** Sets the status only if it changes, so that screen readers announce it once. */
function setStatus(text) {
  if (count.textContent !== text) count.textContent = text;
}

function item(message) {
  const node = template.content.firstElementChild.cloneNode(true);
  node.dataset.id = message.id;
  node.querySelector('h2').textContent = message.subject || 'No subject';
  const put = (name, text) => {
    node.querySelector(`[data-is="${name}"]`).textContent = text;
  };
  put('from', message.from ?? 'not named');
  put('to', message.to ?? 'not named');
  put('envelope', `from ${message.envelope.from || '<>'} to ${message.envelope.to.join(', ')}`);
  put('date', message.date ? dateTime.format(new Date(message.date)) : 'none');
  put('way', connection(message));
  put('text', message.text ?? message.html ?? 'No text');
  put('raw', message.raw);
  return node;
}

function connection({ listener, secure, tlsVersion, user, signInMethod }) {
  const port = LISTENERS[listener] ?? `the practice port “${listener}”`;
  const tls = secure ? `encrypted (${tlsVersion ?? 'TLS'})` : 'not encrypted';
  return `${port}, ${tls}, ${user ? `signed in as ${user} by ${signInMethod}` : 'not signed in'}`;
}
