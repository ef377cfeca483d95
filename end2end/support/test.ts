// What every journey has: a server with a loaded model, and a page that may not fail silently.

import AxeBuilder from '@axe-core/playwright';
import { test as base, type Browser, expect, type Locator, type Page } from '@playwright/test';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder, removeFolders, required, Server } from './server';

export { expect };

interface Shared {
  server: Server;
}

interface Own {
  /** Errors that the page is expected to log are named here. */
  expectedErrors: RegExp[];
  leavesNothing: void;
}

export const test = base.extend<Own, Shared>({
  server: [
    async ({}, use) => {
      const server = await (await Server.start()).ready();
      server.isShared = true;
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  // A test that failed has stopped nothing, and the next ones are to have the machine for themselves; its folders stay
  // for whoever looks why.
  leavesNothing: [
    async ({}, use, info) => {
      await use();
      await Promise.all([...Server.running].filter(server => !server.isShared).map(server => server.stop()));
      if (info.status === info.expectedStatus) {
        removeFolders();
      }
    },
    { auto: true },
  ],
  expectedErrors: async ({}, use) => use([]),
  baseURL: async ({ server }, use) => use(server.address),
  page: async ({ page, expectedErrors }, use) => {
    const errors = watchErrors(page);
    await use(page);
    const surprising = errors.filter(error => !expectedErrors.some(expected => expected.test(error)));
    expect(surprising, 'errors in the browser console').toEqual([]);
  },
});

/** Everything the page complains about: exceptions, failed hydration, broken policy. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('pageerror', error => errors.push(String(error)));
  page.on('console', message => {
    if (message.type() === 'error' || message.text().includes('hydration')) {
      errors.push(message.text());
    }
  });
  return errors;
}

/** Opens a page and waits until it is connected, which is when wasm runs. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await connected(page);
}

export async function connected(page: Page): Promise<void> {
  await expect(page.locator('[data-testid=connection][data-state=live]')).toBeAttached({ timeout: 30_000 });
}

export function composer(page: Page): Locator {
  return page.getByTestId('composer');
}

/** Types `text` and sends it with Enter. */
export async function send(page: Page, text: string): Promise<void> {
  await composer(page).fill(text);
  await composer(page).press('Enter');
}

/** Runs `journey` with a server of its own that has a second model beside the first. */
export async function withSecondModel(browser: Browser, journey: (page: Page) => Promise<void>): Promise<void> {
  const dataDir = freshFolder();
  mkdirSync(join(dataDir, 'models'));
  copyFileSync(required('CHAOSENGINE_TEST_MODEL'), join(dataDir, 'models', 'Second-Model.gguf'));
  const server = await (await Server.start({ dataDir })).ready();
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/chat');
  await journey(page);
  await context.close();
  await server.stop();
}

/** Chooses the model of that name in the status bar, and waits until it is loaded. */
export async function chooseModel(page: Page, name: string): Promise<void> {
  await page.getByTestId('model-pill').click();
  await page.getByTestId('model-option').filter({ hasText: name }).click();
  await expect(page.getByTestId('model-name')).toHaveText(name);
  await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
}

/** Adds a server elsewhere and chooses its model, which is the only one. */
export async function addModel(page: Page, address: string): Promise<void> {
  await open(page, '/settings');
  const form = page.getByTestId('remote-form');
  await form.locator('[name="form[name]"]').fill('Den');
  await form.locator('[name="form[address]"]').fill(address);
  await form.getByTestId('remote-save').click();
  await expect(page.getByTestId('remote')).toContainText('Den');
  await open(page, '/chat');
  await page.getByTestId('model-pill').click();
  await page.getByTestId('model-option').filter({ hasText: '(Den)' }).click();
  await expect(page.getByTestId('elsewhere')).toContainText('Den');
}

export function answers(page: Page): Locator {
  return page.locator('[data-testid=message][data-role=assistant]');
}

export function lastAnswer(page: Page): Locator {
  return answers(page).last();
}

export function textOf(message: Locator): Locator {
  return message.getByTestId('message-text');
}

/** Waits until the newest answer has ended well. A small model does not always know when to stop; the limit ends it then. */
export async function answered(page: Page): Promise<void> {
  await expect(lastAnswer(page)).toHaveAttribute('data-state', /^(complete|cut)$/, { timeout: 60_000 });
}

/** Waits until the newest answer shows at least `length` characters while it is still being written. */
export async function streaming(page: Page, length = 1): Promise<void> {
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'running');
  await expect.poll(async () => (await textOf(lastAnswer(page)).innerText()).length).toBeGreaterThanOrEqual(length);
}

/** Sends `text` and stops its answer once that has begun. One of a few words may have ended before anybody sees it: ask for more. */
export async function sendAndStop(page: Page, text: string): Promise<void> {
  await send(page, text);
  await streaming(page);
  await page.keyboard.press('Escape');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', /^(stopped|complete|cut)$/);
}

/** Waits until colours and places are where they go: what fades from one theme into the other has too little contrast on its way. */
async function still(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const passing = document.getAnimations().filter(animation => animation.effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(passing.map(animation => animation.finished));
  });
}

/** Nothing on the page, or in the part of it that is named, keeps anybody out, and the page does not scroll sideways. */
export async function accessible(page: Page, part?: string): Promise<void> {
  await still(page);
  const axe = new AxeBuilder({ page });
  const { violations } = await (part ? axe.include(part) : axe).analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html.slice(0, 160)).join(' | ')}`);
  expect(found).toEqual([]);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow, 'the page scrolls sideways').toBeLessThanOrEqual(0);
}

/** A question whose answer goes on for long enough to be looked at. */
export const LONG = 'Write a very long story about a lighthouse keeper and the sea. Do not stop early.';
export const SHORT = 'Say hello in five words.';
