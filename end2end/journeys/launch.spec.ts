import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { writeAdapter } from '../support/adapter';
import { freshFolder, required, Server } from '../support/server';
import { accessible, expect, open, test } from '../support/test';

/** Opens the panel of the model that answers, with what few people choose. */
async function openPanel(page: Page): Promise<void> {
  await page.getByTestId('model-pill').click();
  await page.getByTestId('model-row').first().getByTestId('model-launch').click();
  await expect(page.getByTestId('launch-fate')).toBeVisible();
  const more = page.getByTestId('launch-more');
  if ((await more.getAttribute('aria-expanded')) === 'false') await more.click();
}

/** What the likeliest words are, after a question. */
async function likeliest(server: Server): Promise<string> {
  const reply = await fetch(`${server.address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Name three colours.' }], temperature: 0, max_tokens: 16 }),
  });
  expect(reply.status).toBe(200);
  return (await reply.json()).choices[0].message.content;
}

test('an adapter is added to a model that stays loaded, and taken away again', async ({ browser }) => {
  const dataDir = freshFolder();
  mkdirSync(join(dataDir, 'adapters'));
  writeAdapter(join(dataDir, 'adapters', 'Twist.gguf'));
  // What is computed exactly depends on nothing else that is remembered.
  const server = await (await Server.start({ dataDir, more: ['--kv-type', 'f32'] })).ready();
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/chat');
  await likeliest(server);
  const plain = await likeliest(server);
  const workers = server.workers();

  await openPanel(page);
  await page.getByTestId('launch-adapter').check();
  await expect(page.getByTestId('launch-adapter-percent')).toHaveValue('100');
  await page.getByTestId('launch-threads').fill('1');
  // That is no other way to load it.
  await expect(page.getByTestId('launch-fate')).toHaveAttribute('data-state', 'there');
  await page.getByTestId('launch-save').click();
  await expect(page.getByTestId('launch-panel')).toBeHidden();
  expect(await likeliest(server)).not.toBe(plain);

  await openPanel(page);
  await expect(page.getByTestId('launch-adapter')).toBeChecked();
  await page.getByTestId('launch-adapter-percent').fill('0');
  await page.getByTestId('launch-load').click();
  await expect(page.getByTestId('launch-panel')).toBeHidden();
  await expect.poll(() => likeliest(server)).toBe(plain);
  expect(server.workers(), 'the same process').toEqual(workers);
  await context.close();
  await server.stop();
});

test('how fast a model computes with other threads and batches is measured and chosen', async ({ browser }) => {
  test.setTimeout(240_000);
  const dataDir = freshFolder();
  mkdirSync(join(dataDir, 'models'));
  copyFileSync(required('CHAOSENGINE_TEST_MODEL'), join(dataDir, 'models', 'Measured.gguf'));
  const environment = { ...process.env, CHAOSENGINE_HOME: dataDir };
  const table = execFileSync(required('CHAOSENGINE_BIN'), ['measure', 'speed', 'Measured'], { env: environment, encoding: 'utf8' });
  const lines = table.trim().split('\n').slice(1);
  const server = await (await Server.start({ dataDir, model: { path: join(dataDir, 'models', 'Measured.gguf') } })).ready();
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/chat');
  await openPanel(page);
  const batches = page.getByTestId('launch-speed-batch');
  await expect(batches).toHaveText([/^32 tokens/, /^64 /, /^128 /, /^256 /, /^512 /]);
  const threads = page.getByTestId('launch-speed-threads');
  const one = threads.filter({ hasText: /^1 thread/ });
  // A machine with one processor has nothing to compare.
  expect(await threads.count() + await batches.count()).toBeGreaterThanOrEqual(lines.length);
  await expect(batches.last()).toHaveAttribute('aria-pressed', 'true');
  await batches.first().click();
  await expect(page.getByTestId('launch-batch')).toHaveValue('32');
  await expect(batches.first()).toHaveAttribute('aria-pressed', 'true');
  // What is usual is no choice.
  await batches.last().click();
  await expect(page.getByTestId('launch-batch')).toHaveValue('');
  if (await one.count() > 0) {
    await one.click();
    await expect(one).toHaveAttribute('aria-pressed', 'true');
  }
  await accessible(page);
  await context.close();
  await server.stop();
});
