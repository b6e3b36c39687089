// Why: a mail server in clear that takes everything, but answers only as often as the test lets it, so
// that a message can be looked at on its way.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Values } from './form.ts';

export class Hesitant {
  readonly #sockets = new Set<Socket>();
  readonly #waiting: (() => void)[] = [];
  #left = 0;

  private constructor(private readonly server: Server) {}

  /** Listens on a free port, and answers nothing yet. */
  static async start(): Promise<Hesitant> {
    const server = createServer();
    const hesitant = new Hesitant(server);
    server.on('connection', (socket) => void hesitant.#talk(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return hesitant;
  }

  /** Basic SMTP Settings that lead to it. */
  get settings(): Values {
    const { port } = this.server.address() as AddressInfo;
    const sender = { 'Default Sender Email': 'ppm@practice.example', 'Display Name': 'Practice PPM' };
    return { ...sender, 'SMTP Server': '127.0.0.1', Port: String(port), 'Use TLS': false };
  }

  /** Answers so many times more: the greeting, EHLO, MAIL, RCPT, DATA, the content, QUIT. */
  answer(times = 1): void {
    this.#left += times;
    while (this.#left > 0 && this.#waiting.length > 0) {
      this.#left -= 1;
      this.#waiting.shift()!();
    }
  }

  /** Answers everything from now on. */
  goOn(): void {
    this.answer(1_000);
  }

  /** Answers nothing more until it is let again. */
  hesitate(): void {
    this.#left = 0;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  async #talk(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => this.#sockets.delete(socket));
    const say = async (reply: string) => {
      await this.#turn();
      socket.write(`${reply}\r\n`);
    };
    await say('220 hesitant.practice.example ESMTP');
    let isContent = false;
    for await (const line of createInterface({ input: socket })) {
      const command = line.split(' ', 1)[0]!;
      if (isContent && line !== '.') continue;
      isContent = !isContent && command === 'DATA';
      await say(isContent ? '354 Go on' : '250 2.0.0 Fine');
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.answer(0);
    });
  }
}
