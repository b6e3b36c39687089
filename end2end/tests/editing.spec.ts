// Save and Cancel, and what can prevent a save.

import { Form, basic } from '../support/form.ts';
import { expect, test } from '../support/test.ts';
import type { Page } from '@playwright/test';

/** Waits until nothing has changed for some frames: the deferred chunk renders in several tasks. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>((resolve) => {
        let quietFrames = 0;
        const observer = new MutationObserver(() => (quietFrames = 0));
        observer.observe(document, { attributes: true, characterData: true, childList: true, subtree: true });
        const check = () => {
          if (++quietFrames < 6) return void requestAnimationFrame(check);
          observer.disconnect();
          resolve();
        };
        check();
      }),
  );
}

test.describe(() => {
  test.use({ changesNothing: true });

  test('Save and Cancel appear with a change and disappear when it is undone', async ({ signIn }) => {
    const form = await signIn();
    await expect(form.save).toBeHidden();
    await expect(form.cancel).toBeHidden();
    await form.fill(form.basic, { 'Display Name': 'x' });
    await expect(form.save).toBeVisible();
    await expect(form.cancel).toBeVisible();
    await form.fill(form.basic, { 'Display Name': '' });
    await expect(form.save).toBeHidden();
    await expect(form.cancel).toBeHidden();
  });

  test('a keystroke mutates no other element of the page', async ({ page, signIn }) => {
    const form = await signIn();
    await form.choose('Authorization Code');
    for (const label of ['Display Name', 'SMTP Server', 'Username', 'Password']) {
      const control = form.field(form.basic, label);
      await control.fill('a'); // The first keystroke also shows the save bar.
      await expect(form.save).toBeVisible();
      await settled(page);
      const mutated = await page.evaluateHandle(() => {
        const mutated: string[] = [];
        const record = (records: MutationRecord[]) => {
          for (const { target } of records) mutated.push((target instanceof Element ? target : target.parentElement!).outerHTML);
        };
        new MutationObserver(record).observe(document, { attributes: true, characterData: true, childList: true, subtree: true });
        return mutated;
      });
      await control.pressSequentially('bc');
      await expect(control).toHaveValue('abc');
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      expect(await mutated.jsonValue(), label).toEqual([]);
    }
  });

  test('a change in any kind of control can be undone', async ({ signIn }) => {
    const form = await signIn();
    const changes = [
      () => form.choose('Client Credentials'),
      () => form.field(form.basic, 'Use TLS').uncheck(),
      () => form.field(form.basic, 'TLS mode').selectOption({ label: 'STARTTLS' }),
      () => form.field(form.basic, 'Password').fill('x'),
    ];
    const undone = [
      () => form.choose('None'),
      () => form.field(form.basic, 'Use TLS').check(),
      () => form.field(form.basic, 'TLS mode').selectOption({ label: 'Automatic' }),
      () => form.field(form.basic, 'Password').fill(''),
    ];
    for (const [index, change] of changes.entries()) {
      await change();
      await expect(form.save).toBeVisible();
      await undone[index]!();
      await expect(form.save).toBeHidden();
    }
  });
});

test('Cancel restores the saved values, including the untouched secret', async ({ signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await form.fill(form.basic, { 'Display Name': 'other', Password: 'other', 'Use TLS': false });
  await form.choose('Authorization Code');
  await form.cancel.click();
  await expect(form.save).toBeHidden();
  await expect(form.flow).toHaveValue('none');
  await expect(form.field(form.basic, 'Display Name')).toHaveValue('Practice PPM');
  await expect(form.field(form.basic, 'Use TLS')).toBeChecked();
  await expect(form.field(form.basic, 'Password')).toHaveValue('');
  await expect(form.field(form.basic, 'Password')).toHaveAccessibleDescription(/Stored for localhost/);
});

test('saved values are shown after a reload', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  await page.reload();
  await expect(form.field(form.basic, 'Default Sender Email')).toHaveValue(product.mail.username);
  await expect(form.field(form.basic, 'Port')).toHaveValue(String(product.mail.starttls));
  await expect(form.save).toBeHidden();
});

test('a problem and its summary entry disappear when it is fixed', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, { ...basic(product.mail), Port: '+587', 'SMTP Server': 'smtp://localhost' });
  await form.save.click();
  const links = page.getByRole('alert').getByRole('link');
  await expect(links).toHaveText([/^SMTP Server: .*without smtp:\/\//, 'Port: Enter digits only, for example 587.']);
  await links.last().click();
  const port = form.field(form.basic, 'Port');
  await expect(port).toBeFocused();
  await expect(port).toHaveAttribute('aria-invalid', 'true');
  await form.fill(form.basic, { Port: String(product.mail.starttls) });
  await expect(port).not.toHaveAttribute('aria-invalid', 'true');
  await expect(links).toHaveCount(1);
  await form.fill(form.basic, { 'SMTP Server': 'localhost' });
  await expect(page.getByRole('heading', { name: 'All fixed. Save again.' })).toBeVisible();
  await form.saved();
});

test.describe('when a save would delete a token', () => {
  test.beforeEach(async ({ page, signIn, product }) => {
    const form = await signIn();
    await form.fill(form.basic, basic(product.mail));
    product.storeToken('grant-of-the-test');
    await form.save.click();
    await expect(page.getByRole('dialog', { name: 'Saving deletes the current OAuth token' })).toBeVisible();
  });

  test('declining saves nothing and leaves the form unchanged', async ({ page, product, axe }) => {
    const form = new Form(page);
    await axe();
    await page.getByRole('button', { name: 'Keep the token, do not save' }).click();
    await expect(page.getByRole('dialog')).toBeHidden();
    await expect(form.field(form.basic, 'Port')).toHaveValue(String(product.mail.starttls));
    await expect(form.save).toBeVisible();
  });

  test('after Escape, the next save asks again', async ({ page }) => {
    const form = new Form(page);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
    await form.save.click();
    await expect(page.getByRole('dialog')).toBeVisible();
  });

  test('confirming saves the form', async ({ page }) => {
    await page.getByRole('button', { name: 'Save and delete the token' }).click();
    await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
  });
});

test('a save while the server is unreachable keeps the changes, and a later save works', async ({ page, signIn, product, consoleErrors }) => {
  consoleErrors.expectFailure(/api\/email\/save/);
  const form = await signIn();
  await form.fill(form.basic, basic(product.mail));
  await page.context().setOffline(true);
  await form.save.click();
  await expect(page.getByRole('alert')).toContainText('The server is not responding. Your changes are still here');
  await page.context().setOffline(false);
  await form.saved();
});

test('a save after the session has ended keeps the changes and links to the sign-in page', async ({ page, signIn, product, consoleErrors }) => {
  consoleErrors.expectStatus(401, /api\/email\/save/);
  const form = await signIn();
  await form.fill(form.basic, basic(product.mail));
  await page.context().clearCookies();
  await form.save.click();
  await expect(page.getByRole('alert')).toContainText('Your session has ended. Your changes are still here');
  const link = page.getByRole('alert').getByRole('link', { name: 'sign in in a new tab', exact: true });
  await expect(link).toHaveAttribute('href', '/sign-in');
  await expect(link).toHaveAttribute('target', '_blank');
  await expect(form.field(form.basic, 'Display Name')).toHaveValue('Practice PPM');

  const second = await page.context().newPage();
  await signIn(second);
  await form.saved();
});
