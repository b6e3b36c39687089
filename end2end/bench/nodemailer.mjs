// Sends the same message with nodemailer to the same sink, for comparison with the product. Prints
// the messages per second. `node nodemailer.mjs PORT MESSAGES each|pool|concurrent`: a connection for each message,
// one connection, or two that are used at a time.

import { createTransport } from 'nodemailer';

const [port, messages, mode] = process.argv.slice(2);
const transport = createTransport({
  host: '127.0.0.1',
  port: Number(port),
  secure: false,
  ignoreTLS: true,
  pool: mode !== 'each',
  maxConnections: mode === 'concurrent' ? 2 : 1,
  maxMessages: Infinity,
});
const body = 'This is a test message from PPM Administrator.\n\nRequested by Ada Okafor (ada@example.com).\n';
const begun = performance.now();
const send = () =>
  transport.sendMail({
    from: { name: 'PPM', address: 'noreply@example.com' },
    to: 'ada@example.com',
    subject: 'Test message from PPM Administrator',
    text: body,
    html: `<p>${body}</p>`,
  });
if (mode === 'concurrent') {
  await Promise.all(Array.from({ length: Number(messages) }, send));
} else {
  for (let number = 0; number < Number(messages); number++) await send();
}
console.log(((Number(messages) / (performance.now() - begun)) * 1000).toFixed(1));
transport.close();
