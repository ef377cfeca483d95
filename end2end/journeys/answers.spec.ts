// What is kept with answers and chats: one variant, how likely tokens were, the model that answered, and what will not fit.

import { Server } from '../support/server';
import {
  accessible,
  answered,
  chooseModel,
  composer,
  connected,
  expect,
  lastAnswer,
  open,
  send,
  sendAndStop,
  SHORT,
  test,
  withSecondModel,
} from '../support/test';

test('one variant of an answer is kept, and the others come back when that is undone', async ({ page }) => {
  await open(page, '/chat');
  await send(page, SHORT);
  await answered(page);
  await expect(lastAnswer(page).getByTestId('keep-variant')).toHaveCount(0);
  await page.getByTestId('regenerate').click();
  await expect(page.getByTestId('variants')).toContainText('2 of 2');
  await answered(page);
  await page.getByTestId('keep-variant').click();
  await expect(page.getByTestId('variants')).toHaveCount(0);
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(page.getByTestId('variants')).toContainText('2 of 2');
  await page.getByTestId('keep-variant').click();
  await expect(page.getByTestId('variants')).toHaveCount(0);
  await page.reload();
  await connected(page);
  await expect(lastAnswer(page).getByTestId('tree-link')).toBeVisible();
  await expect(page.getByTestId('variants')).toHaveCount(0);
});

test('how likely each token was is kept where a chat says so, and shown as a map', async ({ page }) => {
  await open(page, '/chat');
  await send(page, SHORT);
  await answered(page);
  await expect(lastAnswer(page).getByTestId('saw-link')).toBeVisible();
  await expect(lastAnswer(page).getByTestId('likely-link')).toHaveCount(0);
  await page.getByTestId('setup-link').click();
  await page.getByTestId('setup-probabilities').check();
  await page.getByTestId('setup-form').getByRole('button', { name: 'Save' }).click();
  await send(page, 'Now say it in three words.');
  await expect(page.getByTestId('message')).toHaveCount(4);
  await answered(page);
  const said = (await lastAnswer(page).getByTestId('message-text').innerText()).trim();
  await lastAnswer(page).getByTestId('likely-link').click();
  const map = page.getByTestId('likely');
  await expect(map).toContainText(said.slice(0, 12));
  await expect(page.getByTestId('likely-facts')).toContainText(/mean probability \d+ % · perplexity [0-9.]+/);
  // What the first token could have been: all that is told adds up to no more than everything.
  const rows = page.getByTestId('likely-token').locator('li');
  await expect(rows).toHaveCount(5);
  const shares = (await rows.allInnerTexts()).map(text => Number(/(\d+) %/.exec(text)?.[1]));
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(103);
  const first = (await rows.first().textContent()) ?? '';
  await page.getByTestId('likely-walk').press('ArrowRight');
  await expect(rows.first()).not.toHaveText(first);
  await map.locator('[data-place="0"]').click();
  await expect(rows.first()).toHaveText(first);
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 844 });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await accessible(page);
    }
  }
});

test('a chat remembers the model that answered and offers to load it, and another one in memory answers once', async ({ browser }) => {
  await withSecondModel(browser, async page => {
    const name = await page.getByTestId('model-name').innerText();
    await send(page, SHORT);
    await answered(page);
    await expect(page.getByTestId('usage')).toContainText('KV f16');
    const offer = page.getByTestId('model-before');
    await expect(offer).toHaveCount(0);
    await chooseModel(page, 'Second-Model');
    await expect(offer).toContainText('answered here last');
    await page.reload();
    await connected(page);
    await expect(offer).toContainText('answered here last');
    await accessible(page);
    await page.getByTestId('model-before-load').click();
    await expect(page.getByTestId('model-name')).toHaveText(name);
    await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
    await expect(offer).toHaveCount(0);

    const [usage, variants] = [lastAnswer(page).getByTestId('usage'), page.getByTestId('variants')];
    await page.getByTestId('answer-by').selectOption('Second-Model');
    await expect(variants).toContainText('2 of 2');
    await answered(page);
    await expect(usage).toContainText('Second-Model');
    // Who answers from now on is who did before.
    await expect(page.getByTestId('model-name')).toHaveText(name);
    await expect(offer).toHaveCount(0);
    await page.getByTestId('variant-previous').click();
    await expect(variants).toContainText('1 of 2');
    await expect(usage).toContainText(name);
    await page.getByTestId('variant-next').click();
    await expect(usage).toContainText('Second-Model');
    await page.getByTestId('keep-variant').click();
    await expect(variants).toHaveCount(0);
    await page.reload();
    await connected(page);
    await expect(usage).toContainText('Second-Model');
    await expect(variants).toHaveCount(0);
  });
});

test('what would be left out is said before a message is sent, and a summary stands for it where that is chosen', async ({ browser }) => {
  // The summary is written as well, and has to be waited for.
  test.slow();
  const server = await (await Server.start({ more: ['--context', '512'] })).ready(30);
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/chat');
  await send(page, SHORT);
  await answered(page);
  const long = 'Tell me about lamps. '.repeat(150);
  await composer(page).fill(long);
  const note = page.getByTestId('context-note');
  await expect(note).toContainText('does not fit');
  await composer(page).press('Enter');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'refused');
  await composer(page).fill('And now?');
  await expect(note).toContainText('does not fit');
  await composer(page).press('Enter');
  await expect(page.getByTestId('message')).toHaveCount(6);
  await page.getByTestId('trim').last().click();
  await answered(page);
  await composer(page).fill('And then?');
  await expect(note).toContainText(/Without the oldest \d+ messages/);
  await accessible(page);
  await composer(page).fill('');

  const oil = 'Oil, gas, wax. '.repeat(40);
  await open(page, '/chat');
  await sendAndStop(page, oil);
  await send(page, 'What does it cost? '.repeat(50));
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'refused');
  await page.getByTestId('summarise').click();
  await answered(page);
  const leftOut = lastAnswer(page).getByTestId('left-out');
  await expect(leftOut).toContainText('With a summary of the oldest 2 messages');
  await leftOut.locator('summary').click();
  await expect(leftOut.locator('p')).not.toBeEmpty();
  const summary = await leftOut.locator('p').innerText();
  await accessible(page);
  await lastAnswer(page).getByTestId('saw-link').click();
  await expect(page.getByTestId('saw')).toContainText(summary.trim().slice(0, 40));
  await expect(page.getByTestId('saw')).not.toContainText(oil.trim());
  await page.goBack();
  await composer(page).fill('And then?');
  await expect(note).toContainText('A summary stands for the oldest');
  await context.close();
  await server.stop();
});
