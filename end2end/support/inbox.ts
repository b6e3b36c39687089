// The client of the practice mail server's inbox.

import { expect } from '@playwright/test';

/** A message as returned by `GET /api/messages`. */
export interface Message {
  id: string;
  receivedAt: string;
  listener: string;
  secure: boolean;
  tlsVersion: string | null;
  user: string | null;
  signInMethod: string | null;
  envelope: { from: string | null; to: string[] };
  from: string | null;
  to: string | null;
  subject: string | null;
  date: string | null;
  messageId: string | null;
  text: string | null;
  html: string | null;
  raw: string;
}

/** A message filter: each entry must be equal, or match the expression. */
export interface Wanted {
  to?: string;
  from?: string;
  subject?: string | RegExp;
  listener?: string;
}

export class Inbox {
  constructor(private readonly address: string) {}

  /** Returns all messages, newest first. */
  async messages(): Promise<Message[]> {
    const response = await fetch(this.address);
    return (await response.json()) as Message[];
  }

  /** Waits for a message that matches the filter and returns the newest match. */
  async waitFor(wanted: Wanted = {}): Promise<Message> {
    let found: Message | undefined;
    await expect
      .poll(
        async () => {
          found = (await this.messages()).find((message) => matches(message, wanted));
          return found !== undefined;
        },
        { message: `a message as ${describe(wanted)} arrives` },
      )
      .toBe(true);
    return found!;
  }

  async clear(): Promise<void> {
    await fetch(this.address, { method: 'DELETE' });
  }
}

function matches(message: Message, { to, from, subject, listener }: Wanted): boolean {
  return (
    (to === undefined || message.envelope.to.includes(to)) &&
    (from === undefined || message.envelope.from === from) &&
    (listener === undefined || message.listener === listener) &&
    (subject === undefined ||
      (typeof subject === 'string' ? message.subject === subject : subject.test(message.subject ?? '')))
  );
}

function describe(wanted: Wanted): string {
  const entries = Object.entries(wanted).map(([name, value]) => `${name} ${value}`);
  return entries.join(', ') || 'any';
}
