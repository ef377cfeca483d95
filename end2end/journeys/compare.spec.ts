// Comparing models: one prompt, answers side by side, and a choice.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import type { Message } from '../support/caller';
import { withCallingModel } from '../support/calling';
import { freshFolder, required, Server } from '../support/server';
import { accessible, connected, expect, open, test, watchErrors } from '../support/test';

const ENDED = /^(complete|cut)$/;

function slots(page: Page): Locator {
  return page.getByTestId('compare-slot');
}

/** Opens an answer's settings and sets one sampler. */
async function set(page: Page, position: number, name: string, value: string): Promise<void> {
  const form = page.getByTestId('slot-form').nth(position);
  const field = form.locator(`input[name=${name}]`);
  if (!(await field.isVisible())) {
    await form.locator('summary').click();
  }
  await field.fill(value);
}

/** Two answers of the small model with different settings. */
async function prepare(page: Page, prompt: string, tokens: [string, string] = ['12', '24']): Promise<void> {
  await open(page, '/compare');
  await expect(page.getByTestId('slot-form').first()).toBeVisible();
  while ((await page.getByTestId('slot-form').count()) > 2) {
    await page.getByTestId('slot-remove').last().click();
  }
  await page.getByTestId('compare-blind').setChecked(false);
  await page.getByTestId('compare-in-turn').setChecked(false);
  await set(page, 0, 'max_tokens', tokens[0]);
  await set(page, 1, 'max_tokens', tokens[1]);
  await set(page, 1, 'temperature', '1.5');
  await page.getByTestId('compare-prompt').fill(prompt);
}

async function ended(page: Page): Promise<void> {
  await expect(page).toHaveURL(/\/compare\/\d+$/);
  await expect(slots(page).nth(1)).toBeVisible();
  await expect(page.locator('[data-testid=compare-slot][data-state=running]')).toHaveCount(0, { timeout: 60_000 });
}

test('two settings of one model answer side by side, with figures and what differs', async ({ page }) => {
  await prepare(page, 'Tell a story about a <b>lighthouse</b>.');
  await page.getByTestId('compare-start').click();
  await expect(page).toHaveURL(/\/compare\/\d+$/);
  await expect(page.getByTestId('run-prompt')).toHaveText('Tell a story about a <b>lighthouse</b>.');
  await ended(page);
  await expect(slots(page)).toHaveCount(2);
  for (const [position, tokens] of [[0, 12], [1, 24]] as const) {
    const slot = slots(page).nth(position);
    await expect(slot).toHaveAttribute('data-state', ENDED);
    await expect(slot.getByTestId('slot-text')).not.toBeEmpty();
    await expect(slot.getByTestId('slot-figures')).toContainText('First token');
    await expect(slot.getByTestId('slot-figures')).toContainText('Prompt');
    await expect(slot.getByTestId('slot-figures')).toContainText('Written in');
    await expect(slot.getByTestId('slot-figures')).toContainText('Keys and values');
    if ((await slot.getAttribute('data-state')) === 'cut') {
      await expect(slot.getByTestId('slot-figures')).toContainText(`${tokens} tokens`);
      await expect(slot.getByTestId('slot-figures')).toContainText('at the token limit');
    }
  }
  await expect(slots(page).nth(1)).toContainText('temperature 1.5');
  await page.getByTestId('diff-toggle').click();
  await expect(page.getByTestId('diff').or(page.getByTestId('diff-same'))).toBeVisible();
  await expect(page.getByTestId('compare-run').first()).toContainText('lighthouse');
});

test('each answer has a system prompt, an effort and every sampler of its own, and takes presets', async ({ page }) => {
  await prepare(page, 'Who are you?');
  const first = page.getByTestId('slot-form').first();
  await first.getByTestId('slot-system').fill('You are a lighthouse.');
  await first.getByTestId('slot-effort').selectOption('low');
  await set(page, 0, 'dry_multiplier', '0.8');
  await first.getByTestId('preset-name').fill('Dry and short');
  await first.getByTestId('preset-keep').click();
  await expect(page.getByText('The preset “Dry and short” is kept.')).toBeVisible();
  const second = page.getByTestId('slot-form').nth(1);
  await second.getByTestId('preset-choice').selectOption('Dry and short');
  await expect(second.locator('input[name=dry_multiplier]')).toHaveValue('0.8');
  await expect(second.locator('input[name=max_tokens]')).toHaveValue('12');
  await accessible(page);
  await page.getByTestId('compare-start').click();
  await ended(page);
  const settings = slots(page).getByTestId('slot-settings');
  await expect(settings.first()).toHaveText(/^own system prompt · Thinking: little · .*dry_multiplier 0\.8 · max_tokens 12/);
  await expect(settings.nth(1)).toHaveText(/dry_multiplier 0\.8 · max_tokens 12/);
  await expect(settings.nth(1)).not.toHaveText(/own system prompt|Thinking/);
  await page.getByTestId('run-again').click();
  await expect(first).toContainText('dry_multiplier 0.8');
  await first.locator('summary').click();
  await expect(first.getByTestId('slot-system')).toHaveValue('You are a lighthouse.');
  await expect(first.getByTestId('slot-effort')).toHaveValue('low');
  await first.getByTestId('preset-choice').selectOption('Dry and short');
  await first.getByTestId('preset-delete').click();
  await expect(first.getByTestId('preset-choice').locator('option')).toHaveCount(1);
});

test('answers go on when the page is reloaded, and are stopped by a person', async ({ page }) => {
  await prepare(page, 'Write a very long story about the sea. Do not stop early.', ['3000', '3000']);
  await page.getByTestId('compare-start').click();
  const first = slots(page).first();
  await expect(first.getByTestId('slot-text')).not.toBeEmpty();
  await page.reload();
  await connected(page);
  await expect(first).toHaveAttribute('data-state', 'running');
  const length = async () => (await first.getByTestId('slot-text').innerText()).length;
  const before = await length();
  await expect.poll(length).toBeGreaterThan(before);
  await first.getByTestId('slot-stop').click();
  await expect(first).toHaveAttribute('data-state', 'stopped');
  await expect(slots(page).nth(1)).toHaveAttribute('data-state', 'running');
  await page.getByTestId('run-stop').click();
  await ended(page);
  await expect(slots(page).nth(1).getByTestId('slot-text')).not.toBeEmpty();
});

test('a blind comparison hides who answered until the choice, which is counted', async ({ page }) => {
  await prepare(page, 'Name a colour.');
  await page.getByTestId('compare-blind').check();
  await page.getByTestId('compare-start').click();
  await ended(page);
  await expect(page.getByTestId('slot-hidden')).toHaveCount(2);
  await expect(page.getByTestId('slot-who')).toHaveCount(0);
  await expect(page.getByTestId('slot-go-on')).toHaveCount(0);
  const first = page.getByTestId('compare-run').first();
  await expect(first).toContainText('Told after the vote');
  await slots(page).first().getByTestId('slot-vote').click();
  await expect(page.getByTestId('slot-who')).toHaveCount(2);
  await expect(slots(page).first().getByTestId('slot-best')).toBeVisible();
  await expect(first).toContainText('A chosen');
  await expect(page.getByTestId('compare-tally')).toContainText('temperature 1.5');
  await expect(page.getByTestId('slot-vote')).toHaveCount(0);
  await page.reload();
  await connected(page);
  await expect(slots(page).first().getByTestId('slot-best')).toBeVisible();
});

test('of four answers none is better, which is counted, and any two of them are compared', async ({ page }) => {
  await prepare(page, 'Name a river.', ['8', '8']);
  const add = page.getByTestId('slot-add');
  await add.click();
  await add.click();
  await expect(page.getByTestId('slot-form')).toHaveCount(4);
  await expect(add).toHaveCount(0);
  await set(page, 3, 'temperature', '0.5');
  await page.getByTestId('compare-blind').check();
  await page.getByTestId('compare-start').click();
  await ended(page);
  await expect(slots(page)).toHaveCount(4);
  await expect(page.getByTestId('slot-hidden')).toHaveCount(4);
  await page.getByTestId('vote-even').click();
  await expect(page.getByTestId('run-even')).toBeVisible();
  await expect(page.getByTestId('slot-who')).toHaveCount(4);
  await expect(page.getByTestId('slot-best')).toHaveCount(0);
  await expect(page.getByTestId('compare-run').first()).toContainText('none better');
  const tally = page.getByTestId('compare-tally').getByRole('row').filter({ hasText: 'temperature 0.5' });
  await expect(tally.getByRole('cell')).toHaveText(['0', '1', '1']);

  await page.getByTestId('diff-toggle').click();
  await page.getByTestId('diff-left').selectOption('C');
  await page.getByTestId('diff-right').selectOption('D');
  await expect(page.getByText('Struck out: only in C. Underlined: only in D.')).toBeVisible();
  await accessible(page);
  await page.reload();
  await connected(page);
  await expect(page.getByTestId('run-even')).toBeVisible();
  await expect(page.getByTestId('vote-even')).toHaveCount(0);
});

test('a chat goes on with one of the answers', async ({ page }) => {
  await prepare(page, 'Say something about rain.');
  await page.getByTestId('compare-start').click();
  await ended(page);
  const text = (await slots(page).first().getByTestId('slot-text').innerText()).trim();
  await slots(page).first().getByTestId('slot-go-on').click();
  await expect(page).toHaveURL(/\/chat\/\d+$/);
  await expect(page.locator('[data-role=user]').getByTestId('message-text')).toHaveText('Say something about rain.');
  const answer = page.locator('[data-role=assistant]').getByTestId('message-text');
  await expect.poll(async () => (await answer.innerText()).trim()).toBe(text);
});

test('a comparison is repeated, deleted and brought back; what is typed survives', async ({ page }) => {
  await prepare(page, 'Once more');
  await page.reload();
  await connected(page);
  await expect(page.getByTestId('compare-prompt')).toHaveValue('Once more');
  await page.getByTestId('compare-start').click();
  await ended(page);
  await page.getByTestId('run-again').click();
  await expect(page).toHaveURL(/\/compare$/);
  await expect(page.getByTestId('compare-prompt')).toHaveValue('Once more');
  await expect(page.getByTestId('slot-form').nth(1)).toContainText('temperature 1.5');
  const runs = page.getByTestId('compare-run');
  const before = await runs.count();
  await runs.first().hover();
  await runs.first().getByTestId('compare-delete').click();
  await expect(runs).toHaveCount(before - 1);
  await page.getByTestId('toast-action').click();
  await expect(runs).toHaveCount(before);
});

test('older runs are looked through page by page, and are there still after one was opened', async ({ browser }) => {
  // How many a page shows, and some more than two of them.
  const [shown, all] = [50, 107];
  const dataDir = freshFolder();
  execFileSync(required('CHAOSENGINE_SEED'), ['runs', dataDir, String(all)]);
  const server = await Server.start({ model: 'none', dataDir });
  const context = await browser.newContext({ baseURL: server.address, locale: 'en-GB' });
  try {
    const page = await context.newPage();
    const errors = watchErrors(page);
    const runs = page.getByTestId('compare-run');
    const [older, newer] = [page.getByTestId('compare-older'), page.getByTestId('compare-newer')];
    const shows = async (newest: number, oldest: number) => {
      await expect(runs.first()).toContainText(`Question ${newest}`);
      await expect(runs.last()).toContainText(`Question ${oldest}`);
      await expect(runs).toHaveCount(newest - oldest + 1);
    };
    await open(page, '/compare');
    await shows(all, all - shown + 1);
    await expect(newer).toHaveCount(0);
    await older.click();
    await shows(all - shown, all - 2 * shown + 1);
    await older.click();
    await shows(all - 2 * shown, 1);
    await expect(older).toHaveCount(0);
    await accessible(page);

    await runs.filter({ hasText: 'Question 3' }).getByRole('link').click();
    await expect(page.getByTestId('run-prompt')).toHaveText('Question 3');
    await expect(slots(page).first().getByTestId('slot-text')).toHaveText('Answer 3');
    await shows(all - 2 * shown, 1);
    await runs.filter({ hasText: 'Question 5' }).hover();
    await runs.filter({ hasText: 'Question 5' }).getByTestId('compare-delete').click();
    await expect(runs.filter({ hasText: 'Question 5' })).toHaveCount(0);
    await expect(runs).toHaveCount(all - 2 * shown - 1);
    await page.getByTestId('toast-action').click();
    await shows(all - 2 * shown, 1);
    await newer.click();
    await shows(all - shown, all - 2 * shown + 1);
    await newer.click();
    await shows(all, all - shown + 1);
    await expect(newer).toHaveCount(0);
    expect(errors).toEqual([]);
    await page.goto('about:blank');
  } finally {
    await context.close();
    await server.stop();
  }
});

test('a model elsewhere is said to be one before anything is sent, and why it did not answer', async ({ browser }) => {
  const repeats = (last: Message) => ({ text: `You said: ${last.content}` });
  await withCallingModel(browser, repeats, async (page, _server, model) => {
    await open(page, '/compare');
    await expect(page.getByTestId('compare-leaves')).toContainText('What you write is sent to');
    await accessible(page);
    await page.getByTestId('compare-prompt').fill('Name a tree.');
    await page.getByTestId('compare-start').click();
    await ended(page);
    for (const position of [0, 1]) {
      await expect(slots(page).nth(position).getByTestId('slot-text')).toHaveText('You said: Name a tree.');
    }
    await expect(slots(page).getByTestId('slot-error')).toHaveCount(0);

    model.stop();
    await page.getByTestId('run-again').click();
    await expect(page).toHaveURL(/\/compare$/);
    await page.getByTestId('compare-start').click();
    await ended(page);
    await expect(page.locator('[data-testid=compare-slot][data-state=failed]')).toHaveCount(2);
    await expect(slots(page).first().getByTestId('slot-error')).toContainText('Den');
    await accessible(page);
    const runs = page.getByTestId('compare-run');
    await expect(runs).toHaveCount(2);
    await page.getByTestId('run-delete').click();
    await expect(runs).toHaveCount(1);
    await expect(page).toHaveURL(/\/compare$/);
  });
});

test('models that do not fit together answer one after the other, and the page says so', async ({ browser }) => {
  const dataDir = freshFolder();
  mkdirSync(join(dataDir, 'models'));
  copyFileSync(required('CHAOSENGINE_TEST_MODEL'), join(dataDir, 'models', 'Second-Model.gguf'));
  const server = await (await Server.start({ dataDir, more: ['--model-memory', '600M', '--context', '1024'] })).ready(30);
  const context = await browser.newContext({ baseURL: server.address, locale: 'en-GB' });
  const page = await context.newPage();
  await open(page, '/compare');
  await page.getByTestId('slot-model').nth(1).selectOption('Second-Model');
  await expect(page.getByTestId('compare-tight')).toBeVisible();
  await page.getByTestId('compare-prompt').fill('Say hello.');
  await page.getByTestId('compare-start').click();
  await expect(page.getByTestId('run-no-room')).toBeVisible();
  await ended(page);
  for (const position of [0, 1]) {
    await expect(slots(page).nth(position)).toHaveAttribute('data-state', ENDED);
  }
  await expect(slots(page).nth(1)).toContainText('for lack of memory');
  await context.close();
  await server.stop();
});

test('an unknown comparison says so, and one is read without scripting', async ({ page, browser, server }) => {
  await prepare(page, 'Readable');
  await page.getByTestId('compare-start').click();
  await ended(page);
  const address = page.url();
  const context = await browser.newContext({ baseURL: server.address, javaScriptEnabled: false, locale: 'en-GB' });
  const plain = await context.newPage();
  await plain.goto(address);
  await expect(slots(plain).first().getByTestId('slot-text')).not.toBeEmpty();
  await plain.goto('/compare/999999');
  await expect(plain.getByRole('alert')).toContainText('not here');
  await context.close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [width, height] of [[1440, 900], [390, 844]] as const) {
    test(`comparing is accessible: ${colorScheme}, ${width} wide`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await prepare(page, 'Say hello.');
      await accessible(page);
      await page.getByTestId('compare-start').click();
      await ended(page);
      await page.getByTestId('diff-toggle').click();
      await accessible(page);
    });
  }
}
