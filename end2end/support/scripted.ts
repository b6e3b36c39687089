// Why: a mail server that answers each command with the words of a script, in clear, so that a test
// can put a provider's very words before the product.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/**
 * Listens on a free port; `answers` has a reply, without its line end, for each command by its first
 * word, and for the final dot of a message. Where the reply is nothing, the connection is cut.
 */
export async function startScripted(
  answers: Record<string, string | null>,
  greeting = '220 mail.practice.example ESMTP',
): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = createServer((socket) => {
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
      await once(server, 'close');
    },
  };
}
