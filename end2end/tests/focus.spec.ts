// The focus: never hidden behind the save bar (WCAG 2.4.11), never lost (2.4.3), and what is announced
// when something changes away from it (4.1.3).

import type { Frame, Page } from '@playwright/test';
import { basic, Form } from '../support/form.ts';
import { expect, test } from '../support/embedded.ts';

/** Presses Tab through the whole form with the save bar up. Returns the number of stops, none of which is behind the bar. */
async function walk(page: Page, frame: Frame | Page): Promise<number> {
  const look = () =>
    frame.evaluate(() => {
      let root: Document | ShadowRoot = document;
      while (root.activeElement?.shadowRoot) root = root.activeElement.shadowRoot;
      const focused = root.activeElement;
      const bar = root.querySelector('.save-bar');
      if (!focused?.closest('.email-settings') || !bar) return null;
      if (bar.contains(focused)) return { isLast: focused.textContent === 'Save', hidden: '' };
      const [at, above] = [focused.getBoundingClientRect(), bar.getBoundingClientRect()];
      const isSticky = getComputedStyle(bar).position === 'sticky';
      const isHidden = isSticky && at.bottom > above.top && at.top < above.bottom;
      return { isLast: false, hidden: isHidden ? focused.outerHTML.slice(0, 90) : '' };
    });
  for (let press = 0, stops = 0; press < 80; press++) {
    await page.keyboard.press('Tab');
    // In a frame the bar gives way a moment later.
    await expect.poll(async () => (await look())?.hidden ?? '', 'behind the save bar').toBe('');
    const stop = await look();
    if (stop) stops++;
    if (stop?.isLast) return stops;
  }
  throw new Error('Save was not reached');
}

const SIZES = [
  [1280, 900],
  [1280, 720],
  [360, 740],
  [320, 256],
] as const;

for (const place of ['page', 'element', 'frame'] as const) {
  for (const [width, height] of SIZES) {
    test(`no focused control of the ${place} is behind the save bar at ${width}x${height}`, async ({ page, shell, product, signIn }) => {
      await page.setViewportSize({ width, height });
      if (place === 'page') await signIn();
      else await page.goto(`${shell.url}/${place === 'element' ? 'plain' : 'iframe'}/`);
      const form = new Form(page, place === 'frame' ? page.frameLocator('iframe') : page);
      await form.fill(form.basic, basic(product.mail));
      await form.choose('Authorization Code with PKCE');
      await form.flow.focus();
      const frame = page.frames().find((frame) => frame.url().includes('/embed/frame'));
      expect(await walk(page, frame ?? page), 'all controls are visited').toBeGreaterThan(25);
    });
  }
}

test('Save is in sight in a frame that is as tall as its content', async ({ page, shell }) => {
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.goto(`${shell.url}/iframe/`);
  const form = new Form(page, page.frameLocator('iframe'));
  await form.field(form.basic, 'Display Name').fill('PPM');
  await expect(form.save).toBeInViewport();
  await page.mouse.wheel(0, 500);
  await expect(form.save).toBeInViewport();
  // By keyboard: right after scrolling, Chromium may dispatch a click to another place of the frame.
  await form.cancel.press('Enter');
  await expect(form.save).toBeHidden();
});

// The last size is 1280x1024 at 400 percent.
for (const [width, height] of [
  [1280, 720],
  [320, 256],
] as const) {
  test(`the error of the first bad field is in sight after a failed save at ${width}x${height}`, async ({ page, signIn }) => {
    await page.setViewportSize({ width, height });
    const form = await signIn();
    await form.fill(form.basic, { 'Default Sender Email': 'noreply', 'Display Name': 'PPM', 'SMTP Server': 'mail.example.com', Port: '587' });
    await form.save.click();
    const error = form.basic.getByText('Enter an email address, such as noreply@example.com.', { exact: true });
    await expect(form.field(form.basic, 'Default Sender Email')).toBeFocused();
    await expect(error).toBeInViewport({ ratio: 1 });
    const [at, bar] = [await error.boundingBox(), await page.getByRole('region', { name: 'Unsaved changes' }).boundingBox()];
    expect(at!.y + at!.height).toBeLessThan(bar!.y);
  });
}

test('the error is the first part of a description, and directly below its input', async ({ signIn }) => {
  const form = await signIn();
  await form.fill(form.basic, { Port: 'x' });
  await form.save.click();
  const port = form.field(form.basic, 'Port');
  await expect(port).toHaveAccessibleDescription(/^Enter digits only, for example 587\. Usually 587/);
  const error = (await form.basic.getByText('Enter digits only, for example 587.').boundingBox())!;
  const help = (await form.basic.getByText(/^Usually 587/).boundingBox())!;
  const input = (await port.boundingBox())!;
  expect([input.y, error.y, help.y], 'from top to bottom').toEqual([input.y, error.y, help.y].sort((a, b) => a - b));
});

test('Cancel leaves the focus on a message', async ({ page, signIn }) => {
  const form = await signIn();
  await form.field(form.basic, 'Display Name').fill('PPM');
  await form.cancel.click();
  const message = page.getByText('Changes discarded.', { exact: true });
  await expect(message).toBeVisible();
  await expect(page.getByRole('status').filter({ has: message }).locator(':focus')).toHaveCount(1);
});

test("Use this server's moves the focus to Redirect URI", async ({ signIn }) => {
  const form = await signIn();
  await form.choose('Authorization Code');
  await form.authentication.getByRole('button', { name: "Use this server's" }).click();
  await expect(form.field(form.authentication, 'Redirect URI')).toBeFocused();
});

test('Keep mine moves the focus to Fill in and leaves the form as it was', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, basic(product.mail));
  await form.saved();
  await page.getByLabel('Provider', { exact: true }).selectOption('Google Workspace and Gmail');
  await page.getByRole('button', { name: 'Fill in', exact: true }).click();
  await page.getByRole('button', { name: 'Keep mine', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Fill in', exact: true })).toBeFocused();
  await expect(form.save).toBeHidden();
});

test('Replace these leaves the focus on the answer', async ({ page, signIn }) => {
  const form = await signIn();
  await form.fill(form.basic, { 'SMTP Server': 'mail.example.com' });
  await page.getByLabel('Provider', { exact: true }).selectOption('Postmark');
  await page.getByRole('button', { name: 'Fill in', exact: true }).click();
  await page.getByRole('button', { name: 'Replace these', exact: true }).click();
  await expect(page.locator('#provider-answer')).toBeFocused();
});

test('Escape closes an answer and returns to its button', async ({ page, signIn }) => {
  await signIn();
  await page.getByLabel('Provider', { exact: true }).selectOption('Fastmail');
  const fill = page.getByRole('button', { name: 'Fill in', exact: true });
  await fill.click();
  const answer = page.locator('#provider-answer');
  await expect(answer).not.toBeEmpty();
  await answer.focus();
  await page.keyboard.press('Escape');
  await expect(answer).toBeEmpty();
  await expect(fill).toBeFocused();
});

test('changes away from the focus are announced', async ({ page, signIn }) => {
  const form = await signIn();
  const announced = page.getByRole('status');
  await form.field(form.basic, 'Display Name').fill('PPM');
  await expect(announced.filter({ hasText: 'Unsaved changes: Save is available.' })).toHaveCount(1);
  await form.choose('Authorization Code');
  await expect(announced.filter({ hasText: 'OAuth SMTP Settings and Authentication Settings are now required.' })).toHaveCount(1);
  await page.getByRole('button', { name: 'Copy from Basic SMTP Settings' }).click();
  await expect(announced.filter({ hasText: 'Copied from Basic SMTP Settings.' })).toHaveCount(1);
});

test('what an edit does to another control is announced', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.saveBasic(product.mail);
  const announced = page.getByRole('status');
  await form.field(form.basic, 'Use TLS').uncheck();
  await expect(announced.filter({ hasText: 'The user name and password can be read on the network' })).toHaveCount(1);
  await form.field(form.basic, 'Username').fill('');
  await expect(announced.filter({ hasText: 'Without a Username, the stored Password is removed when you save.' })).toHaveCount(1);
});

test('Ctrl+S saves, and the title is marked while there are unsaved changes', async ({ page, signIn, product }) => {
  const form = await signIn();
  await expect(page).toHaveTitle('Email · PPM Administrator');
  await form.fill(form.basic, basic(product.mail));
  await expect(page).toHaveTitle('• Email · PPM Administrator');
  await page.keyboard.press('Control+s');
  await expect(page.getByText('Saved.', { exact: true })).toBeVisible();
  await expect(page).toHaveTitle('Email · PPM Administrator');
});

test('after a save, a button leads to the next step', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, basic(product.mail));
  await form.saved();
  await page.getByRole('button', { name: 'Next: Send Test Email', exact: true }).click();
  await expect(form.sendTest).toBeFocused();
  await expect(page.getByText('Saved.', { exact: true })).toBeHidden();
});

test('a focused control with an error shows the focus as any other', async ({ signIn }) => {
  const form = await signIn();
  await form.choose('Authorization Code');
  const sender = form.field(form.oauth, 'Default Sender Email');
  await expect(sender).toBeEnabled();
  await sender.focus();
  const ring = await sender.evaluate((input) => getComputedStyle(input).boxShadow);
  await form.save.click();
  await expect(sender).toHaveAttribute('aria-invalid', 'true');
  await sender.focus();
  await expect(sender).toHaveCSS('box-shadow', ring);
});

test('the confirmation of a save goes away after the focus has left it', async ({ page, signIn, product }) => {
  const form = await signIn();
  await form.fill(form.basic, basic(product.mail));
  await form.saved();
  await page.keyboard.press('Shift+Tab');
  await expect(page.getByText('Saved.', { exact: true })).toBeHidden();
});
