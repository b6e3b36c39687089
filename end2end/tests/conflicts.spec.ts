// Two administrators edit the form at once. The second save shows both edits merged, with a choice for
// each control that both changed, so that no change is lost silently.

import type { Locator } from '@playwright/test';
import { Form, basic } from '../support/form.ts';
import { GRACE, expect, test as base } from '../support/test.ts';

/** Ada's and Grace's forms, each in its own browser context. */
const test = base.extend<{ ada: Form; grace: Form; openBoth: () => Promise<void> }>({
  ada: async ({ page }, use) => use(new Form(page)),
  grace: async ({ browser, product }, use) => {
    const context = await browser.newContext({ baseURL: product.url });
    await use(new Form(await context.newPage()));
    await context.close();
  },
  openBoth: async ({ ada, grace, signIn, product }, use) => {
    await use(async () => {
      await product.add(GRACE);
      await signIn(ada.page);
      await ada.fill(ada.basic, basic(product.mail));
      await ada.fillOauth('Authorization Code');
      await ada.saved();
      await signIn(grace.page, GRACE.email);
    });
  },
});

/** Locates the choice of a control. */
function choice(form: Form, label: string): Locator {
  return form.page.getByRole('group', { name: `Choice for ${label}`, exact: true });
}

/** Lets both edit Scope and Client ID; Grace saves first. */
async function disputeBoth(ada: Form, grace: Form): Promise<void> {
  await ada.fill(ada.authentication, { Scope: 'mine', 'Client ID': 'mine' });
  await grace.fill(grace.authentication, { Scope: 'theirs', 'Client ID': 'theirs' });
  await grace.saved();
  await saveIntoConflict(ada);
}

/** Saves and waits for the notice of Grace's save. */
async function saveIntoConflict(form: Form): Promise<void> {
  await form.save.click();
  await expect(form.page.getByRole('heading', { name: /^Grace Adeyemi saved changes at .+, while you were editing\.$/ })).toBeVisible();
}

type Edit = (form: Form) => Promise<void>;

interface Kind {
  kind: string;
  label: string;
  control: (form: Form) => Locator;
  mine: Edit;
  theirs: Edit;
  keep: string;
  take: string;
  /** Checks the control's value after either choice was saved. */
  shows: (control: Locator, chosen: 'mine' | 'theirs') => Promise<void>;
}

const text = (kind: string, label: string, group: (form: Form) => Locator, mine: string, theirs: string): Kind => ({
  kind,
  label,
  control: (form) => form.field(group(form), label),
  mine: (form) => form.field(group(form), label).fill(mine),
  theirs: (form) => form.field(group(form), label).fill(theirs),
  keep: `Keep mine: ${mine}`,
  take: `Take theirs: ${theirs}`,
  shows: (control, chosen) => expect(control).toHaveValue(chosen === 'mine' ? mine : theirs),
});

const KINDS: Kind[] = [
  text('a line of text', 'Display Name', (form) => form.basic, 'Mine', 'Theirs'),
  text('a masked line', 'Client ID', (form) => form.authentication, 'my-id', 'their-id'),
  {
    kind: 'a choice in a group',
    label: 'TLS mode',
    control: (form) => form.field(form.basic, 'TLS mode'),
    // The stored Password is bound to another TLS mode, so both have to enter it again.
    mine: async (form) => {
      await form.fill(form.basic, { Password: 'canary-mine' });
      await form.field(form.basic, 'TLS mode').selectOption('STARTTLS');
    },
    theirs: async (form) => {
      await form.fill(form.basic, { Password: 'canary-theirs' });
      await form.field(form.basic, 'TLS mode').selectOption('Implicit TLS');
    },
    keep: 'Keep mine: STARTTLS',
    take: 'Take theirs: Implicit TLS',
    shows: (control, chosen) => expect(control).toHaveValue(chosen === 'mine' ? 'start-tls' : 'implicit'),
  },
  {
    kind: 'the flow',
    label: 'OAuth Flow',
    control: (form) => form.flow,
    // Not Client Credentials, which would require the stored Client Secret to be entered again.
    mine: (form) => form.choose('Authorization Code with PKCE'),
    theirs: (form) => form.choose('None'),
    keep: 'Keep mine: Authorization Code with PKCE',
    take: 'Take theirs: None',
    shows: (control, chosen) => expect(control).toHaveValue(chosen === 'mine' ? 'authorization-code-pkce' : 'none'),
  },
  {
    kind: 'a secret',
    label: 'Client Secret',
    control: (form) => form.field(form.authentication, 'Client Secret'),
    mine: (form) => form.fill(form.authentication, { 'Client Secret': 'canary-mine' }),
    theirs: (form) => form.fill(form.authentication, { 'Client Secret': 'canary-theirs' }),
    keep: 'Keep mine: the one you typed',
    take: 'Take theirs: the stored one',
    // A secret's value is never shown.
    shows: (control) => expect(control).toHaveValue(''),
  },
];

for (const { kind, label, control, mine, theirs, keep, take, shows } of KINDS) {
  for (const chosen of ['mine', 'theirs'] as const) {
    test(`a conflict in ${kind} is resolved with the chosen value (${chosen})`, async ({ ada, grace, openBoth }) => {
      await openBoth();
      await mine(ada);
      await theirs(grace);
      await grace.saved();
      await saveIntoConflict(ada);

      const dispute = choice(ada, label);
      await ada.save.click();
      await expect(dispute, 'Save leads to the choice instead').toBeFocused();
      await dispute.getByRole('button', { name: chosen === 'mine' ? keep : take }).click();
      await expect(dispute).toBeHidden();
      await expect(control(ada)).toBeFocused();
      const password = choice(ada, 'Password');
      if (await password.isVisible()) await password.getByRole('button', { name: chosen === 'mine' ? /^Keep/ : /^Take/ }).click();

      if (chosen === 'mine') await ada.saved();
      else await expect(ada.save, 'no unsaved change is left').toBeHidden();
      await ada.page.reload();
      await shows(control(ada), chosen);
    });
  }
}

test('fields that only one side changed are merged without a choice and listed in the notice', async ({ ada, grace, openBoth, axe }) => {
  await openBoth();
  await ada.fill(ada.authentication, { Scope: 'mine' });
  await ada.fill(ada.oauth, { Port: '465' });
  await grace.fill(grace.basic, { 'Display Name': 'Theirs' });
  await grace.field(grace.oauth, 'Use TLS').focus();
  await grace.fill(grace.authentication, { 'Redirect URI': 'https://theirs.example.com/callback' });
  await grace.saved();
  await saveIntoConflict(ada);

  const alert = ada.page.getByRole('alert');
  await expect(alert).toBeFocused();
  await expect(alert).toContainText('Only you changed (kept): Port (OAuth), Scope.');
  await expect(alert).toContainText('Only they changed (updated): Display Name, Redirect URI.');
  await expect(alert).toContainText('Check the form, then save.');
  await axe();
  await ada.saved();
  await ada.page.reload();
  await expect(ada.field(ada.authentication, 'Scope')).toHaveValue('mine');
  await expect(ada.field(ada.oauth, 'Port')).toHaveValue('465');
  await expect(ada.field(ada.basic, 'Display Name')).toHaveValue('Theirs');
  await expect(ada.field(ada.authentication, 'Redirect URI')).toHaveValue('https://theirs.example.com/callback');
});

test('a check box changed by one side only keeps the changed value', async ({ ada, grace, openBoth, product }) => {
  await openBoth();
  await ada.fill(ada.oauth, { 'Display Name': 'Mine' });
  // The stored Password is bound to Use TLS, so it has to be entered again.
  await grace.fill(grace.basic, { 'Use TLS': false, Password: product.mail.password });
  await grace.saved();
  await grace.fill(grace.oauth, { 'Display Name': 'Theirs' });
  await grace.fill(grace.basic, { 'Use TLS': true, Password: product.mail.password });
  await saveIntoConflict(ada);
  await expect(ada.field(ada.basic, 'Use TLS')).not.toBeChecked();
  await ada.saved();

  await grace.save.click();
  await expect(grace.page.getByRole('heading', { name: /^Ada .+ saved changes/ })).toBeVisible();
  await expect(grace.field(grace.basic, 'Use TLS')).toBeChecked();
  await grace.page.getByRole('button', { name: 'Keep mine: Theirs' }).click();
  await grace.saved();
});

test('a typed password is a conflict if the other side changed its server', async ({ ada, grace, openBoth }) => {
  await openBoth();
  await ada.fill(ada.basic, { Password: 'canary-for-localhost' });
  await grace.fill(grace.basic, { 'SMTP Server': 'smtp.example.com', Username: '' });
  await grace.saved();
  await saveIntoConflict(ada);
  await expect(choice(ada, 'Password')).toContainText('meanwhile another administrator changed it or the settings it is for');
});

test('one button resolves all conflicts with mine', async ({ ada, grace, openBoth }) => {
  await openBoth();
  await disputeBoth(ada, grace);
  await ada.page.getByRole('button', { name: 'Keep all of mine' }).click();
  await ada.saved();
  await ada.page.reload();
  await expect(ada.field(ada.authentication, 'Scope')).toHaveValue('mine');
});

test('one button resolves all conflicts with theirs, and the notice can be closed', async ({ ada, grace, openBoth, axe }) => {
  await openBoth();
  await disputeBoth(ada, grace);
  await axe();
  await ada.page.getByRole('button', { name: 'Take all of theirs' }).click();
  await expect(ada.page.getByRole('alert')).toContainText('You have no changes left to save.');
  await expect(ada.save).toBeHidden();
  await ada.page.getByRole('button', { name: 'Close', exact: true }).click();
  await expect(ada.page.getByRole('alert')).toBeHidden();
  await expect(ada.field(ada.authentication, 'Scope')).toHaveValue('theirs');
});

test('Cancel discards mine and shows the saved values', async ({ ada, grace, openBoth }) => {
  await openBoth();
  await ada.fill(ada.authentication, { Scope: 'mine' });
  await grace.fill(grace.authentication, { Scope: 'theirs' });
  await grace.saved();
  await saveIntoConflict(ada);
  await ada.cancel.click();
  await expect(ada.field(ada.authentication, 'Scope')).toHaveValue('theirs');
  await expect(ada.page.getByRole('button', { name: /^Keep mine/ })).toBeHidden();
});

test('a save in another window of the same user is a conflict and is named as such', async ({ ada, openBoth, axe }) => {
  await openBoth();
  await ada.fill(ada.authentication, { Scope: 'here' });
  await ada.fill(ada.oauth, { 'Display Name': 'Here' });
  const other = new Form(await ada.page.context().newPage());
  await other.page.goto('/settings/email');
  await other.fill(other.authentication, { Scope: 'there' });
  await other.saved();
  await ada.save.click();
  const heading = /^You saved changes in another window at .+, while you were editing here\.$/;
  await expect(ada.page.getByRole('heading', { name: heading })).toBeVisible();
  await expect(ada.page.getByRole('alert')).toContainText('Changed only in this window (kept): Display Name (OAuth).');
  await axe();
  await choice(ada, 'Scope').getByRole('button', { name: "Take the other window's: there", exact: true }).click();
  await ada.saved();
  await expect(ada.field(ada.authentication, 'Scope')).toHaveValue('there');
});

test('a value from right to left is isolated from the words around it', async ({ ada, grace, openBoth }) => {
  await openBoth();
  await ada.fill(ada.basic, { 'Display Name': 'דואר (PPM)' });
  await grace.fill(grace.basic, { 'Display Name': 'theirs' });
  await grace.saved();
  await saveIntoConflict(ada);
  const value = choice(ada, 'Display Name').getByText('דואר (PPM)', { exact: true });
  await expect(value).toHaveCSS('unicode-bidi', 'isolate');
  await expect(ada.field(ada.basic, 'Display Name')).toHaveCSS('direction', 'rtl');
});

test('a third save in between causes another merge', async ({ ada, grace, openBoth }) => {
  await openBoth();
  await ada.fill(ada.authentication, { Scope: 'mine' });
  await grace.fill(grace.basic, { 'Display Name': 'First' });
  await grace.saved();
  await saveIntoConflict(ada);
  await grace.fill(grace.basic, { 'Display Name': 'Second' });
  await grace.saved();
  await saveIntoConflict(ada);
  await ada.saved();
  await ada.page.reload();
  await expect(ada.field(ada.basic, 'Display Name')).toHaveValue('Second');
  await expect(ada.field(ada.authentication, 'Scope')).toHaveValue('mine');
});

test('a form without unsaved changes shows the save of another administrator at once', async ({ ada, grace, openBoth, axe }) => {
  test.slow();
  await openBoth();
  await ada.field(ada.basic, 'Display Name').focus();
  await grace.fill(grace.basic, { 'Display Name': 'Theirs' });
  await grace.saved();
  await expect(ada.field(ada.basic, 'Display Name')).toHaveValue('Theirs');
  await expect(ada.field(ada.basic, 'Display Name')).toBeFocused();
  await expect(ada.page.getByRole('status').filter({ hasText: /^Updated: Grace Adeyemi saved changes at .+\.$/ })).toBeVisible();
  await axe();
  await ada.fill(ada.oauth, { 'Display Name': 'Mine' });
  await expect(ada.page.getByText('Updated:'), 'an edit removes the notice').toBeHidden();
  await ada.saved();
});

test('a form without unsaved changes says that its user saved in another window', async ({ ada, openBoth }) => {
  await openBoth();
  const other = new Form(await ada.page.context().newPage());
  await other.page.goto('/settings/email');
  await other.fill(other.authentication, { Scope: 'there' });
  await other.saved();
  await ada.page.bringToFront();
  await expect(ada.field(ada.authentication, 'Scope')).toHaveValue('there');
  await expect(ada.page.getByText(/^Updated: you saved changes in another window at .+\.$/)).toBeVisible();
});

/** Lets Ada edit, Grace save, and waits for the heads-up beside Ada's Save. */
async function editMeanwhile(ada: Form, grace: Form): Promise<Locator> {
  await ada.fill(ada.authentication, { Scope: 'mine' });
  await grace.fill(grace.basic, { 'Display Name': 'Theirs' });
  await grace.saved();
  const headsUp = ada.page.getByRole('region', { name: 'Unsaved changes' }).getByText(/^Grace Adeyemi saved changes at .+, while you were editing\. Save puts both together\.$/);
  await expect(headsUp).toBeVisible();
  return headsUp;
}

test('a form with unsaved changes says before Save that another administrator has saved', async ({ ada, grace, openBoth, axe }) => {
  test.slow();
  await openBoth();
  await editMeanwhile(ada, grace);
  await expect(ada.field(ada.basic, 'Display Name'), 'nothing changes under the hand').not.toHaveValue('Theirs');
  await expect(ada.page.getByRole('status').filter({ hasText: 'Grace Adeyemi saved changes' }), 'announced').toHaveCount(1);
  await axe();
  await saveIntoConflict(ada);
  await expect(ada.field(ada.basic, 'Display Name')).toHaveValue('Theirs');
  await ada.saved();
});

test('Cancel after a heads-up shows what the other administrator saved', async ({ ada, grace, openBoth }) => {
  await openBoth();
  const headsUp = await editMeanwhile(ada, grace);
  await ada.cancel.click();
  await expect(ada.field(ada.basic, 'Display Name')).toHaveValue('Theirs');
  await expect(headsUp).toBeHidden();
  await ada.fill(ada.authentication, { Scope: 'mine' });
  await ada.saved();
});

test('a change that is typed back after a heads-up gives way to what the other administrator saved', async ({ ada, grace, openBoth }) => {
  await openBoth();
  const scope = await ada.field(ada.authentication, 'Scope').inputValue();
  await editMeanwhile(ada, grace);
  await ada.fill(ada.authentication, { Scope: scope });
  await expect(ada.field(ada.basic, 'Display Name')).toHaveValue('Theirs');
  await expect(ada.save).toBeHidden();
});
