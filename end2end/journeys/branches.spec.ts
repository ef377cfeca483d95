// The branches of a chat as a tree, and chats of which nothing is written.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { accessible, answered, composer, connected, expect, lastAnswer, open, send, SHORT, test, textOf } from '../support/test';

test('the branches of a chat are shown as a tree, and one is chosen', async ({ page }) => {
  await open(page, '/chat');
  await send(page, SHORT);
  await answered(page);
  await page.getByTestId('regenerate').click();
  await expect(page.getByTestId('variants')).toContainText('2 of 2');
  await answered(page);
  await page.getByTestId('tree-link').click();
  const stretches = page.getByTestId('stretch');
  await expect(stretches).toHaveCount(3);
  await expect(stretches.nth(0)).toContainText(SHORT);
  await expect(stretches.nth(0)).toHaveAttribute('data-shown', 'true');
  await expect(stretches.nth(1)).toHaveAttribute('data-shown', 'false');
  await accessible(page);
  await stretches.nth(1).getByTestId('tree-show').click();
  await expect(page.getByTestId('variants')).toContainText('1 of 2');
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByTestId('tree-link').click();
  await expect(stretches.nth(1)).toHaveAttribute('data-shown', 'true');
  await accessible(page);
});

test('a temporary chat is answered, and is in no list and no file', async ({ page, server }) => {
  const secret = 'A word that nobody keeps: zanzibarquince.';
  await open(page, '/chat');
  await page.getByTestId('begin-temporary').click();
  await connected(page);
  await expect(page.getByTestId('temporary')).toBeVisible();
  await accessible(page);
  await send(page, secret);
  await answered(page);
  await page.reload();
  await connected(page);
  await expect(page.getByTestId('temporary')).toBeVisible();
  await expect(page.getByTestId('message').first()).toContainText('zanzibarquince');
  await expect(textOf(lastAnswer(page))).not.toBeEmpty();
  const address = page.url();
  await open(page, '/chats');
  await expect(page.locator('main')).not.toContainText('zanzibarquince');
  expect(filesWith(server.dataDir, 'zanzibarquince')).toEqual([]);
  await open(page, address);
  await composer(page).fill('');
});

/** Files below `folder` that have these words in them. */
function filesWith(folder: string, words: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map(name => join(folder, String(name)))
    .filter(path => statSync(path).isFile() && readFileSync(path).includes(words));
}
