const settings = document.querySelector('ppm-email-settings');
const state = document.querySelector('#state');

settings.getToken = async () => (await fetch('/token', { method: 'POST' })).text();
settings.addEventListener('ppm-dirty-change', ({ detail }) => detail.dirty && (state.textContent = 'Unsaved'));
settings.addEventListener('ppm-saved', ({ detail }) => (state.textContent = `Saved as revision ${detail.revision}`));
