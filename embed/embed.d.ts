/** The custom element `<ppm-email-settings>`, as `embed.js` defines it. */
export interface PpmEmailSettings extends HTMLElement {
  /**
   * The server's URL, if its origin differs from that of `embed.js`. Set it by script before the tab
   * has loaded. The attribute of the same name accepts only URLs of the origin of `embed.js`.
   */
  base?: string;

  /**
   * Returns the host's token. Called before each request, and again after a 401 response. Without it,
   * requests carry no token.
   */
  getToken?: () => string | Promise<string>;

  /** Whether there are unsaved changes. */
  readonly dirty: boolean;

  /**
   * Whether the page may be left: there are no unsaved changes, or the user agrees, in
   * `window.confirm`, to lose them.
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

/** A period in which email does not work. */
export interface PpmIncident {
  /** Its random ID. */
  id: string;
  /** When the first failure happened, in ISO 8601. */
  since: string;
  /** The likely cause as a code, such as `credentials-refused` or `token-not-renewed:invalid-grant`. */
  diagnosis: string;
  /** What has happened, in PPM's own words: no text of a mail server or a provider. */
  text: string;
}

/** The element's events. Each bubbles and is composed, so it crosses shadow roots. */
export interface PpmEmailSettingsEvents extends HTMLElementEventMap {
  /** The first unsaved change was made, or none is left. */
  "ppm-dirty-change": CustomEvent<{ dirty: boolean }>;
  /** The settings were saved as this revision. */
  "ppm-saved": CustomEvent<{ revision: number }>;
  /** The OAuth token's status changed. Also dispatched once the tab has loaded. */
  "ppm-token-change": CustomEvent<{ status: "absent" | "valid" | "expired" }>;
  /**
   * Email has stopped, or works again: then `detail` is null. Also dispatched once the tab has loaded,
   * if email does not work.
   */
  "ppm-incident": CustomEvent<PpmIncident | null>;
  /**
   * An action failed, and the tab shows why: `signed-out`, `server-failed`, and so on. With
   * `not-loaded`, the tab could not be loaded, and `cause` is the browser's error. With
   * `base-refused`, it was not loaded: the attribute `base` names another origin than `embed.js`.
   */
  "ppm-error": CustomEvent<{ code: string; cause?: unknown }>;
}

declare global {
  interface HTMLElementTagNameMap {
    "ppm-email-settings": PpmEmailSettings;
  }
}
