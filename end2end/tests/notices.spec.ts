// Providers' announcements, shown by date at the affected settings, with a button that moves to OAuth.

import { expect, test } from '../support/test.ts';

const BASIC = {
  'Default Sender Email': 'noreply@contoso.com',
  'Display Name': 'Contoso PPM',
  'SMTP Server': 'smtp.office365.com',
  Port: '587',
};
const MICROSOFT = 'https://login.microsoftonline.com/contoso.com/oauth2/v2.0';

test.describe(() => {
  test.use({ changesNothing: true });

  for (const [date, says] of [
    ['2026-12-01', /^At the end of December 2026, Microsoft turns sign-in with a password off by default/],
    ['2027-01-15', /^Since the end of December 2026, sign-in with a password for SMTP is off by default/],
    ['2027-10-01', /ends for good: Microsoft wanted to announce the date in the second half of 2027/],
  ] as const) {
    test(`the notice about passwords at Microsoft is correct on ${date}`, async ({ page, signIn, axe }) => {
      await page.clock.setFixedTime(new Date(`${date}T12:00:00Z`));
      const form = await signIn();
      await expect(form.basic.getByRole('button', { name: 'Move to OAuth' })).toBeHidden();
      await form.fill(form.basic, BASIC);
      const notice = form.basic.getByRole('status').filter({ hasText: 'Message Center, MC786329' });
      await expect(notice.getByRole('heading')).toHaveText(says);
      await expect(notice).toContainText('read on 28 November 2026');
      await axe();
      await form.fill(form.basic, { 'SMTP Server': 'smtp.gmail.com' });
      await expect(notice).toBeHidden();
    });
  }

  test('Move to OAuth copies server, sender and tenant, and shows first what it replaces', async ({ signIn, axe }) => {
    const form = await signIn();
    await form.choose('Authorization Code');
    await form.fill(form.oauth, { 'SMTP Server': 'smtp.host.test' });
    await form.choose('None');
    await form.fill(form.basic, BASIC);
    const notice = form.basic.getByRole('status').filter({ hasText: 'Move to OAuth' });
    await expect(notice).toContainText('smtp.host.test smtp.office365.com');
    await axe();
    await notice.getByRole('button', { name: 'Move to OAuth', exact: true }).click();

    await expect(form.flow.locator('option:checked')).toHaveText('Authorization Code with PKCE');
    for (const [label, value] of Object.entries(BASIC)) {
      await expect(form.field(form.oauth, label)).toHaveValue(value);
      await expect(form.field(form.basic, label)).toHaveValue(value);
    }
    await expect(form.field(form.authentication, 'Authorization Endpoint')).toHaveValue(`${MICROSOFT}/authorize`);
    await expect(form.field(form.authentication, 'Token Endpoint')).toHaveValue(`${MICROSOFT}/token`);
    await expect(form.field(form.authentication, 'Scope')).toHaveValue('https://outlook.office.com/SMTP.Send offline_access');
    await expect(form.field(form.authentication, 'Client ID')).toBeFocused();
    await expect(notice).toBeHidden();
  });
});
