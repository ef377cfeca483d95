// Titles of chats: by rule at once, by the model once it has nothing else to do, and for good those that a person chose.

import type { Locator, Page } from '@playwright/test';
import { freshFolder, Server } from '../support/server';
import { connected, expect, lastAnswer, open, send, test, textOf } from '../support/test';
import { CALLED, SAID, titlingModel } from '../support/thinker';

const FIRST = 'Why does a flame flicker?';
const SECOND = 'What burns in a lantern?';
const OWN = 'Whale oil';

function row(page: Page, title: string): Locator {
  return page.getByTestId('session').filter({ hasText: title });
}

/** Begins a chat, and waits until its answer is whole. */
async function newChat(page: Page, question: string): Promise<void> {
  await page.getByTestId('new-session').click();
  await expect(page).toHaveURL(/\/chat$/);
  await send(page, question);
  await expect(row(page, question)).toBeVisible();
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'complete');
}

test('a title is made by rule at once, by the model when it has nothing to do, and never over that of a person', async ({ browser }) => {
  const server = await (await Server.start({ model: { path: titlingModel(freshFolder()) } })).ready();
  const context = await browser.newContext({ baseURL: server.address, locale: 'en-GB' });
  const page = await context.newPage();
  await open(page, '/chat');
  await newChat(page, FIRST);
  await expect(textOf(lastAnswer(page))).toHaveText(SAID);
  const begin = Date.now();
  await expect(row(page, CALLED)).toBeVisible({ timeout: 30_000 });
  await expect(row(page, FIRST)).toHaveCount(0);
  const took = Date.now() - begin;

  await newChat(page, SECOND);
  await row(page, SECOND).hover();
  await row(page, SECOND).getByTestId('session-rename').click();
  await page.getByTestId('session-title').fill(OWN);
  await page.getByTestId('session-title').press('Enter');
  await expect(row(page, OWN)).toBeVisible();
  // The model would have had time for a title, and once more.
  await page.waitForTimeout(2 * took);
  await page.reload();
  await connected(page);
  await expect(row(page, OWN)).toBeVisible();
  await expect(row(page, CALLED)).toHaveCount(1);
  await expect(page.getByTestId('session')).toHaveCount(2);
  await context.close();
  await server.stop();
});
