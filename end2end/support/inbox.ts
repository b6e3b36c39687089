// Why: what arrived at the practice mail server, as a test asks for it.

import { expect } from '@playwright/test';

/** A message as `GET /api/messages` gives it. */
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

/** What a message must have: each entry equal, or matching the expression. */
export interface Wanted {
  to?: string;
  from?: string;
  subject?: string | RegExp;
  listener?: string;
}

export class Inbox {
  constructor(private readonly address: string) {}

  /** All messages, newest first. */
  async messages(): Promise<Message[]> {
    const response = await fetch(this.address);
    return (await response.json()) as Message[];
  }

  /** Waits until a message as `wanted` has arrived and answers the newest such. */
  async waitFor(wanted: Wanted = {}): Promise<Message> {
    let found: Message | undefined;
    await expect
      .poll(
        async () => {
          found = (await this.messages()).find((message) => isAsWanted(message, wanted));
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

function isAsWanted(message: Message, { to, from, subject, listener }: Wanted): boolean {
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
