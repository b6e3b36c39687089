/** The custom element `<ppm-email-settings>`, as `embed.js` defines it. */
export interface PpmEmailSettings extends HTMLElement {
  /**
   * The server, where it is at another origin than `embed.js`. To be set by a script before the tab
   * has loaded; the attribute of the same name may only name an address of that script's origin.
   */
  base?: string;

  /**
   * The host's token. Asked for before each call, and once more after one that was refused; without
   * it calls go with no token.
   */
  getToken?: () => string | Promise<string>;

  /** Whether anything is unsaved. */
  readonly dirty: boolean;

  /**
   * Whether the page may be left: nothing is unsaved, or the person agrees to lose it, for which
   * `window.confirm` asks.
   */
  confirmLeave(): boolean;

  addEventListener<K extends keyof PpmEmailSettingsEvents>(
    type: K,
    listener: (this: PpmEmailSettings, event: PpmEmailSettingsEvents[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

/** What the element tells; every event bubbles, and leaves the shadow roots around it. */
export interface PpmEmailSettingsEvents extends HTMLElementEventMap {
  /** Something is unsaved now, or nothing any longer. */
  "ppm-dirty-change": CustomEvent<{ dirty: boolean }>;
  /** Everything is saved, for the `revision`th time. */
  "ppm-saved": CustomEvent<{ revision: number }>;
  /** Whether there is an OAuth token; also once the tab has loaded. */
  "ppm-token-change": CustomEvent<{ status: "absent" | "valid" | "expired" }>;
  /**
   * Something that was wanted was not done, and the tab says why: `signed-out`, `server-failed`, and
   * so on. With `not-loaded` there is no tab, and `cause` is what the browser says of it; with
   * `base-refused` there is none because the attribute `base` names another origin than `embed.js`.
   */
  "ppm-error": CustomEvent<{ code: string; cause?: unknown }>;
}

declare global {
  interface HTMLElementTagNameMap {
    "ppm-email-settings": PpmEmailSettings;
  }
}
