// A plaintext SMTP server that accepts everything but sends each reply only when the test allows it,
// so that a test can observe a delivery in progress.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Values } from './form.ts';

export class SteppedSmtpServer {
  readonly #sockets = new Set<Socket>();
  readonly #waiting: (() => void)[] = [];
  #left = 0;

  private constructor(private readonly server: Server) {}

  /** Starts listening on a free port, with all replies held back. */
  static async start(): Promise<SteppedSmtpServer> {
    const server = createServer();
    const stepped = new SteppedSmtpServer(server);
    server.on('connection', (socket) => void stepped.#talk(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return stepped;
  }

  /** Basic SMTP Settings for this server. */
  get settings(): Values {
    const { port } = this.server.address() as AddressInfo;
    const sender = { 'Default Sender Email': 'ppm@practice.example', 'Display Name': 'Practice PPM' };
    return { ...sender, 'SMTP Server': '127.0.0.1', Port: String(port), 'Use TLS': false };
  }

  /** Allows this many replies: to the connection, EHLO, MAIL, RCPT, DATA, the content and QUIT. */
  answer(times = 1): void {
    this.#left += times;
    while (this.#left > 0 && this.#waiting.length > 0) {
      this.#left -= 1;
      this.#waiting.shift()!();
    }
  }

  /** Allows all further replies. */
  goOn(): void {
    this.answer(1_000);
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
    await say('220 stepped.practice.example ESMTP');
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
