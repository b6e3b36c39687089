const frame = document.querySelector('iframe');
const state = document.querySelector('#state');
const product = new URL(frame.dataset.src).origin;

addEventListener('message', async ({ data, origin, source }) => {
  if (origin !== product || source !== frame.contentWindow || data?.ppm !== 1) return;
  if (data.type === 'height') frame.style.height = `${data.px}px`;
  if (data.type === 'dirty') state.textContent = data.dirty ? 'Unsaved' : 'Saved';
  if (data.type === 'token-wanted') {
    const token = await (await fetch('/token', { method: 'POST' })).text();
    source.postMessage({ ppm: 1, type: 'token', id: data.id, token }, product);
  }
});

// The frame asks for a token as soon as it is there, and once: somebody has to listen by then.
frame.src = frame.dataset.src;
