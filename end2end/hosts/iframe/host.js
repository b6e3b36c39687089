const frame = document.querySelector('iframe');
const state = document.querySelector('#state');
const product = new URL(frame.src).origin;

document.querySelector('#elsewhere').onclick = () => frame.contentWindow.postMessage({ ppm: 1, type: 'leave', id: 1 }, product);
addEventListener('message', async ({ data, origin, source }) => {
  if (origin !== product || source !== frame.contentWindow || data?.ppm !== 1) return;
  if (data.type === 'height') frame.style.height = `${data.px}px`;
  if (data.type === 'dirty') state.textContent = data.dirty ? 'Unsaved' : 'Saved';
  if (data.type === 'leave-answer' && data.leave) location.href = '/plain/';
  if (data.type === 'token-wanted') {
    const token = await (await fetch('/token', { method: 'POST' })).text();
    source.postMessage({ ppm: 1, type: 'token', id: data.id, token }, product);
  }
});
