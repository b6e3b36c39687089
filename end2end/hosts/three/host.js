for (const settings of document.querySelectorAll('ppm-email-settings')) {
  settings.getToken = async () => (await fetch('/token', { method: 'POST' })).text();
}
