// A plaintext SMTP server with scripted replies, so that a test can send a provider's exact texts to
// the product.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/**
 * Listens on a free port. `answers` maps the first word of each command, and the final dot of a
 * message, to a reply without line end; `null` closes the connection.
 */
export async function startScripted(
  answers: Record<string, string | null>,
  greeting = '220 mail.practice.example ESMTP',
): Promise<{ port: number; stop: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let isContent = false;
    socket.on('error', () => socket.destroy());
    const say = (reply: string) => socket.write(`${reply}\r\n`);
    say(greeting);
    createInterface({ input: socket }).on('line', (line) => {
      if (isContent && line !== '.') return;
      isContent = false;
      const command = line.split(' ', 1)[0]!;
      if (command === 'QUIT') return void socket.end('221 2.0.0 Bye\r\n');
      const answer = command in answers ? answers[command] : '500 5.5.1 What?';
      if (answer == null) return void socket.destroy();
      isContent = answer.startsWith('354');
      say(answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.close();
      sockets.forEach((socket) => socket.destroy()); // A client may still wait for a reply.
      await once(server, 'close');
    },
  };
}
