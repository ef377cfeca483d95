// How much a model thinks is chosen where messages are written, and kept with the chat.

import type { Browser, Page } from '@playwright/test';
import { ENDLESS_ANSWER, freshFolder, Server } from '../support/server';
import { thinkingModel } from '../support/thinker';
import { accessible, answered, composer, connected, expect, lastAnswer, LONG, open, send, SHORT, test } from '../support/test';

/** Opens a page of a server whose model thinks. */
async function withThinker(browser: Browser, options: object, act: (page: Page, server: Server) => Promise<void>): Promise<void> {
  const server = await (await Server.start({ model: { path: thinkingModel(freshFolder()) } })).ready(60);
  const context = await browser.newContext({ baseURL: server.address, ...options });
  await act(await context.newPage(), server);
  await context.close();
  await server.stop();
}

test('a model that does not think has nothing to choose', async ({ page }) => {
  await open(page, '/chat');
  await expect(page.getByTestId('send')).toBeVisible();
  await expect(page.getByTestId('effort')).toHaveCount(0);
});

test('a chat keeps how much its model thinks, and what it thinks is read while it does', async ({ browser }) => {
  await withThinker(browser, { locale: 'en-GB' }, async (page, server) => {
    await page.goto('/chat');
    await connected(page);
    const effort = page.getByLabel('Thinking');
    await expect(effort).toHaveValue('auto');
    await send(page, SHORT);
    await answered(page);
    await expect(lastAnswer(page).getByTestId('thought')).toBeVisible();
    await expect(effort).toHaveValue('auto');
    await effort.focus();
    await page.keyboard.press('ArrowDown');
    await expect(effort).toHaveValue('none');
    await send(page, SHORT);
    await expect(page.getByTestId('message')).toHaveCount(4);
    await answered(page);
    await expect(lastAnswer(page).getByTestId('thought')).toHaveCount(0);
    await page.reload();
    await connected(page);
    await expect(effort).toHaveValue('none');
    await accessible(page, 'form');

    await composer(page).pressSequentially('/think hi');
    await expect(page.getByTestId('named').first()).toContainText('/think high');
    await composer(page).press('Enter');
    await expect(effort).toHaveValue('high');
    await expect(composer(page)).toHaveValue('');
    await server.alwaysTheSame(ENDLESS_ANSWER);
    await send(page, LONG);
    const thought = lastAnswer(page).getByTestId('thought');
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'running');
    await expect(thought.getByTestId('thought-summary')).toHaveText(/^Thinking/);
    await expect(thought.getByTestId('thought-text')).toBeHidden();
    await thought.getByTestId('thought-summary').click();
    const length = async () => (await thought.getByTestId('thought-text').innerText()).length;
    const before = await length();
    await expect.poll(length).toBeGreaterThan(before + 20);
    await expect(thought.getByTestId('thought-copy')).toHaveCount(0);
    await page.keyboard.press('Escape');
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
    await expect(thought.getByTestId('thought-text')).toBeVisible();
    await expect(thought.getByTestId('thought-summary')).toHaveText(/^Thought/);
    await expect(thought.getByTestId('thought-copy')).toBeVisible();
    await page.goto('/chat');
    await connected(page);
    await expect(effort).toHaveValue('auto');
  });
});

test('without scripting and on a phone it is a field of the form', async ({ browser }) => {
  const phone = { javaScriptEnabled: false, locale: 'de-DE', viewport: { width: 360, height: 740 } };
  await withThinker(browser, phone, async page => {
    await page.goto('/chat');
    const effort = page.getByLabel('Nachdenken');
    await effort.selectOption({ label: 'aus' });
    const box = await effort.boundingBox();
    expect(box && box.x >= 0 && box.x + box.width <= 360).toBe(true);
    await page.getByTestId('composer').fill(SHORT);
    await page.getByTestId('send').click();
    await expect(page).toHaveURL(/\/chat\/\d+$/);
    await expect(effort).toHaveValue('none');
  });
});

test('an answer that the token limit cut goes on in its place', async ({ browser }) => {
  const server = await (await Server.start()).ready(24);
  const context = await browser.newContext({ baseURL: server.address, locale: 'en-GB' });
  const page = await context.newPage();
  await page.goto('/chat');
  await connected(page);
  await send(page, 'Write a very long story about a lighthouse keeper and the sea. Do not stop early.');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'cut', { timeout: 60_000 });
  const begun = (await lastAnswer(page).getByTestId('message-text').innerText()).trim();
  await page.getByTestId('go-on').focus();
  await page.keyboard.press('Enter');
  await expect
    .poll(async () => (await lastAnswer(page).getByTestId('message-text').innerText()).length, { timeout: 60_000 })
    .toBeGreaterThan(begun.length);
  await answered(page);
  expect(await lastAnswer(page).getByTestId('message-text').innerText()).toContain(begun.slice(0, 40));
  await expect(page.getByTestId('message')).toHaveCount(2);
  await context.close();
  await server.stop();
});
