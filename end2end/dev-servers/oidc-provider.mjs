// Loads oidc-provider on Node 20. It requires Node 22, but lacks only `URL.parse`, which is polyfilled
// here. Only its warning about the runtime is suppressed.

URL.parse ??= (text, base) => (URL.canParse(text, base) ? new URL(text, base) : null);

const warn = console.warn;
console.warn = (text, ...more) => {
  if (!/Unsupported runtime/.test(text)) warn(text, ...more);
};

export const { Provider } = await import('oidc-provider');

console.warn = warn;
