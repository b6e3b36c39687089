// OAuth Token Management: from empty settings to a delivered message, with each flow.

import { configure, obtain } from '../support/consent.ts';
import { ADA, expect, test } from '../support/test.ts';

const CASES = [
  { flow: 'Authorization Code', client: 'code' },
  { flow: 'Authorization Code with PKCE', client: 'pkce' },
  { flow: 'Client Credentials', client: 'credentials' },
  { flow: 'Authorization Code', client: 'basicOnly' },
  { flow: 'Authorization Code with PKCE', client: 'basicOnly' },
  { flow: 'Client Credentials', client: 'basicOnly' },
] as const;

for (const { flow, client } of CASES) {
  const name = client === 'basicOnly' ? `${flow} and HTTP Basic` : flow;

  test(`a message is delivered from empty settings with ${name}`, async ({ page, product, provider, signIn, inbox }) => {
    const form = await signIn();
    await expect(form.tokenStatus).toHaveText('Not obtained');
    await expect(form.tokenExpires).toHaveText('No token yet');
    await configure(form, product, flow, provider.address.clients[client]);
    if (flow === 'Client Credentials') await form.getToken.click();
    else await obtain(form, provider);
    await expect(form.tokenStatus).toHaveText('Valid');
    await expect(form.tokenExpires).toHaveText(/^\d{4}-\d\d-\d\d .*in 59 minutes · renews automatically$/);
    await form.deliverTest();
    const message = await inbox.waitFor({ to: ADA.email });
    expect(message.envelope.from).toBe(product.mail.username);
    expect(message.user).toBe(product.mail.username);
    expect(page.context().pages(), 'the pop-up is closed').toHaveLength(1);
  });
}
