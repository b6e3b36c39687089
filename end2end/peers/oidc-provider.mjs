// Why: oidc-provider asks for Node 22 and says so on stderr, while all that it misses on Node 20
// is `URL.parse`. That is supplied here, and only that remark is kept quiet.

URL.parse ??= (text, base) => (URL.canParse(text, base) ? new URL(text, base) : null);

const warn = console.warn;
console.warn = (text, ...more) => {
  if (!/Unsupported runtime/.test(text)) warn(text, ...more);
};

export const { Provider } = await import('oidc-provider');

console.warn = warn;
