// Why: the same message by nodemailer into the same sink, to compare the product's own conversation
// with. Prints how many a second. `node nodemailer.mjs PORT MESSAGES each|pool`

import { createTransport } from 'nodemailer';

const [port, messages, way] = process.argv.slice(2);
const transport = createTransport({
  host: '127.0.0.1',
  port: Number(port),
  secure: false,
  ignoreTLS: true,
  pool: way === 'pool',
  maxConnections: 1,
  maxMessages: Infinity,
});
const body = 'This is a test message from PPM Administrator.\n\nRequested by Ada Okafor (ada@example.com).\n';
const begun = performance.now();
for (let number = 0; number < Number(messages); number++) {
  await transport.sendMail({
    from: { name: 'PPM', address: 'noreply@example.com' },
    to: 'ada@example.com',
    subject: 'Test message from PPM Administrator',
    text: body,
    html: `<p>${body}</p>`,
  });
}
console.log(((Number(messages) / (performance.now() - begun)) * 1000).toFixed(1));
transport.close();
