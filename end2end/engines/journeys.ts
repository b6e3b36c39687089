// What an administrator does with the tab, written once for every engine.

import { expect } from '@playwright/test';
import { basic, oauth, type Values } from '../support/form.ts';
import { GRACE } from '../support/host.ts';
import { ADA, type Product } from '../support/product.ts';
import type { Shell } from '../support/shell.ts';
import { button, field, heading, link, type Surface, text, type Window } from './surface.ts';

/** What a journey is given: a product with one administrator and no settings, and hosts on another site. */
export interface Place {
  window: Window;
  product: Product;
  shell: Shell;
}

export interface Journey {
  /** What has been shown once it ends. */
  title: string;
  run: (place: Place) => Promise<void>;
}

const SAVE = button('Save');
const BASIC = 'Basic SMTP Settings';
const SENDER = field('Default Sender Email', BASIC);
const DISPLAY_NAME = field('Display Name', BASIC);

async function signIn({ window, product }: Place): Promise<void> {
  await window.go(`${product.url}/settings/email`);
  await window.fill(field('Email'), ADA.email);
  await window.fill(field('Password'), ADA.password);
  await window.click(button('Sign in'));
  await window.wait(heading('Email'));
}

async function fillAll(surface: Surface, group: string, values: Values): Promise<void> {
  for (const [name, value] of Object.entries(values)) await surface.fill(field(name, group), String(value));
}

async function save(surface: Surface): Promise<void> {
  // By keyboard: in a frame the bar with this button moves until it has followed a scroll.
  await surface.press(SAVE, 'Enter');
  await surface.wait(text('Saved.'));
  await surface.wait(SAVE, true);
}

/** Saves Basic SMTP Settings for the practice mail server. */
async function saveBasic(surface: Surface, { mail }: Product): Promise<void> {
  await fillAll(surface, BASIC, basic(mail));
  await save(surface);
}

/** Sends a test message, and waits until the mail server has accepted it. */
async function sendTest(surface: Surface): Promise<void> {
  await surface.click(button('Send Test Email'));
  await surface.wait(text('localhost:… accepted the message.'));
}

/** Saves settings for the practice provider, and obtains a token in the pop-up. */
async function obtainToken(window: Window, surface: Surface, { mail, provider }: Product, callback: string): Promise<void> {
  const { authorization, token, scope, clients, account } = provider.address;
  await surface.fill(field('OAuth Flow'), 'Authorization Code with PKCE');
  await fillAll(surface, 'OAuth SMTP Settings', oauth(mail));
  await fillAll(surface, 'Authentication Settings', {
    'Client ID': clients.pkce.id,
    'Client Secret': clients.pkce.secret,
    'Authorization Endpoint': authorization,
    'Token Endpoint': token,
    'Redirect URI': `${callback}/oauth/callback`,
    Scope: scope,
  });
  await save(surface);
  const popUp = await window.popUp(() => surface.click(button('Get Auth Token')));
  await popUp.fill(field('Email'), account.email);
  await popUp.fill(field('Password'), account.password);
  await popUp.click(button('Sign in'));
  await popUp.click(button('Allow'));
  await surface.wait(text('Valid', 'OAuth Token Management'));
}

export const JOURNEYS: Journey[] = [
  {
    title: 'an administrator signs in, and a wrong password is refused',
    run: async (place) => {
      const { window, product } = place;
      await window.go(`${product.url}/sign-in`);
      await window.fill(field('Email'), ADA.email);
      await window.fill(field('Password'), 'a wrong pass phrase');
      await window.press(field('Password'), 'Enter');
      await window.wait(text('Wrong email address or password.'));
      await signIn(place);
    },
  },
  {
    title: 'an edit shows Save, and typing the old value back hides it',
    run: async (place) => {
      await signIn(place);
      const { window } = place;
      await window.wait(SAVE, true);
      await window.fill(DISPLAY_NAME, 'Typed');
      await window.wait(SAVE);
      await window.fill(DISPLAY_NAME, '');
      await window.wait(SAVE, true);
    },
  },
  {
    title: 'Cancel discards what was typed',
    run: async (place) => {
      await signIn(place);
      const { window } = place;
      await window.fill(SENDER, 'typed@practice.example');
      await window.click(button('Cancel'));
      await window.wait(SAVE, true);
      expect(await window.read(SENDER)).toBe('');
    },
  },
  {
    title: 'a refused save names the field, and a corrected one is kept over a reload',
    run: async (place) => {
      const { window, product } = place;
      await signIn(place);
      await window.fill(SENDER, 'no address');
      await window.press(SENDER, 'Enter');
      await window.wait(link('Default Sender Email: Enter an email address, such as noreply@example.com.'));
      await saveBasic(window, product);
      await window.go(`${product.url}/settings/email`);
      expect(await window.read(SENDER)).toBe(product.mail.username);
      expect(await window.read(field('Password', BASIC)), 'a secret is never sent to the browser').toBe('');
    },
  },
  {
    title: 'leaving with unsaved changes asks first, and staying keeps them',
    run: async (place) => {
      await signIn(place);
      const { window } = place;
      await window.fill(DISPLAY_NAME, 'Typed');
      await window.stay(() => window.click(link('Audit trail')));
      expect(await window.read(DISPLAY_NAME)).toBe('Typed');
    },
  },
  {
    title: 'the steps of a test message are shown as they happen, and its success',
    run: async (place) => {
      const { window, product } = place;
      await signIn(place);
      await saveBasic(window, product);
      await sendTest(window);
      await product.inbox.waitFor({ to: ADA.email });
    },
  },
  {
    title: 'a token is obtained in a pop-up, and a message is sent with it',
    run: async (place) => {
      const { window, product } = place;
      await signIn(place);
      await obtainToken(window, window, product, product.url);
      await sendTest(window);
      await product.inbox.waitFor({ to: ADA.email });
    },
  },
  {
    title: 'the custom element on another site saves, obtains a token and sends',
    run: async ({ window, product, shell }) => {
      await window.go(`${shell.url}/plain/`);
      await obtainToken(window, window, product, shell.product);
      await sendTest(window);
      await product.inbox.waitFor({ to: GRACE.email });
    },
  },
  {
    title: 'the tab in a frame of another site saves, obtains a token and sends',
    run: async ({ window, product, shell }) => {
      await window.go(`${shell.url}/iframe/`);
      const tab = await window.frame(shell.product);
      await obtainToken(window, tab, product, shell.product);
      await window.wait(text('Saved'));
      await sendTest(tab);
      await product.inbox.waitFor({ to: GRACE.email });
    },
  },
];
