// Things that go wrong. Each journey has a server of its own, since it breaks it.

import type { Page } from '@playwright/test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ENDLESS_ANSWER, freshFolder, Server } from '../support/server';
import {
  accessible,
  answered,
  chooseModel,
  composer,
  connected,
  expect,
  lastAnswer,
  LONG,
  open,
  send,
  sendAndStop,
  SHORT,
  streaming,
  test as base,
  textOf,
  withSecondModel,
} from '../support/test';

const test = base.extend<{ own: Server }>({
  own: async ({}, use) => {
    const server = await (await Server.start()).ready();
    await use(server);
    await server.stop();
  },
  baseURL: async ({ own }, use) => use(own.address),
  // The connection breaks on purpose, and the browser says so.
  expectedErrors: async ({}, use) => use([/WebSocket/, /Failed to load resource/, /Failed to fetch/, /ERR_CONNECTION/]),
});

async function modelState(page: Page, state: string | RegExp): Promise<void> {
  await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', state, { timeout: 30_000 });
}

test('an answer goes on when its worker is killed; when the next one is, too, it is kept and says so', async ({ browser, page, own }) => {
  await open(page, '/chat');
  await send(page, LONG);
  await streaming(page, 20);
  const [killed] = own.workers();
  own.killWorker();
  await expect.poll(() => own.workers().some((pid) => pid !== killed), { timeout: 30_000 }).toBe(true);
  const length = (await textOf(lastAnswer(page)).innerText()).length;
  await modelState(page, 'busy');
  await streaming(page, length + 20);
  own.killWorker();
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'failed');
  await expect(lastAnswer(page).getByTestId('message-error')).toContainText('stopped unexpectedly');
  expect((await textOf(lastAnswer(page)).innerText()).length).toBeGreaterThan(length);
  await modelState(page, /ready|busy/);
  await send(page, SHORT);
  await answered(page);
  await page.reload();
  await expect(page.getByTestId('message-error')).toContainText('stopped unexpectedly');
  const plain = await (await browser.newContext({ javaScriptEnabled: false, locale: 'en-GB' })).newPage();
  await plain.goto(page.url());
  const noscript = plain.locator('article noscript');
  await expect(noscript).toBeVisible();
  expect(await noscript.innerText()).toContain('stopped unexpectedly');
  await plain.context().close();
});

/** Wants a value in the settings, and goes back to the chat. */
async function wants(page: Page, name: string, value: string) {
  await open(page, '/settings');
  await page.locator(`[name="form[${name}]"]`).fill(value);
  await page.getByTestId('settings-form').getByRole('button').click();
  await expect(page.getByTestId('settings-status')).toContainText(/saved/i);
  await open(page, '/chat');
}

test('little memory is told while an answer is written, and none begins with less than is wanted', async ({ page, own }) => {
  await own.ready(ENDLESS_ANSWER);
  await wants(page, 'guard_warn_mb', '1000000000');
  await send(page, LONG);
  await expect(lastAnswer(page).getByTestId('message-warning')).toContainText(/memory/i);
  await accessible(page);
  await page.keyboard.press('Escape');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
  await expect(lastAnswer(page).getByTestId('message-warned')).toContainText('Memory ran low while this was written');

  await wants(page, 'guard_start_mb', '1000000000');
  await send(page, SHORT);
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'failed');
  await expect(lastAnswer(page).getByTestId('message-error')).toContainText(/memory/i);
  await wants(page, 'guard_start_mb', '');
  await sendAndStop(page, LONG);
});

test('where memory is short, a model that nobody uses is unloaded under the answer that was refused', async ({ browser }) => {
  await withSecondModel(browser, async page => {
    await chooseModel(page, 'Second-Model');
    await wants(page, 'guard_start_mb', '1000000000');
    await send(page, SHORT);
    await expect(lastAnswer(page).getByTestId('message-error')).toContainText(/memory/i);
    const unload = lastAnswer(page).getByTestId('unload-idle');
    await expect(unload).toHaveText(/^Unload SmolLM2/);
    await accessible(page);
    await unload.click();
    await expect(unload).toHaveCount(0);
    await expect(page.getByTestId('model-name')).toHaveText('Second-Model');
  });
});

test('heat is told while an answer is written, unless nobody wants to know', async ({ browser }) => {
  test.setTimeout(150_000);
  const zones = freshFolder();
  const zone = join(zones, 'thermal_zone0');
  const measures = (name: string, value: string) => writeFileSync(join(zone, name), `${value}\n`);
  mkdirSync(zone);
  measures('temp', '45000');
  measures('trip_point_0_type', 'critical');
  measures('trip_point_0_temp', '105000');
  const server = await (await Server.start({ environment: { CHAOSENGINE_THERMAL: zones } })).ready(ENDLESS_ANSWER);
  const context = await browser.newContext({ baseURL: server.address, locale: 'en-GB' });
  const page = await context.newPage();
  const warning = lastAnswer(page).getByTestId('message-warning');
  const warns = async (value: string) => {
    await open(page, '/settings');
    await page.locator('[name="form[guard_heat]"]').selectOption(value);
    await page.getByTestId('settings-form').getByRole('button').click();
    await expect(page.getByTestId('settings-status')).toContainText(/saved/i);
    await open(page, '/chat');
  };
  await warns('on');
  await send(page, LONG);
  await streaming(page, 200);
  await expect(warning).toHaveCount(0);
  measures('temp', '103000');
  await expect(warning).toContainText('too hot', { timeout: 40_000 });
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'running');
  await accessible(page);
  await page.keyboard.press('Escape');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');

  await warns('off');
  await send(page, LONG);
  await streaming(page, 200);
  await expect(warning).toHaveCount(0);
  await page.keyboard.press('Escape');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
  await warns('on');
  await send(page, LONG);
  await expect(warning).toContainText('too hot');
  await page.keyboard.press('Escape');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
  await context.close();
  await server.stop();
});

test('a stopped server is told, the draft is kept, and the page finds it again', async ({ page, own }) => {
  // A stopping server lets answers end that can; this one must be cut short.
  await own.ready(ENDLESS_ANSWER);
  await open(page, '/chat');
  await send(page, LONG);
  await streaming(page, 20);
  await composer(page).fill('a thought not yet sent');
  await own.stop();
  await expect(page.getByTestId('lost')).toBeVisible({ timeout: 20_000 });
  await expect(composer(page)).toHaveValue('a thought not yet sent');
  const again = await Server.start({ dataDir: own.dataDir, port: own.port });
  try {
    await connected(page);
    await expect(page.getByTestId('lost')).toHaveCount(0);
    await expect(composer(page)).toHaveValue('a thought not yet sent');
    // The answer that the end of the server cut short is kept and says so.
    await expect(lastAnswer(page)).toHaveAttribute('data-state', /failed|stopped/);
    await expect(textOf(lastAnswer(page))).not.toBeEmpty();
    await again.ready();
    await composer(page).press('Enter');
    await answered(page);
  } finally {
    await again.stop();
  }
});

test('a server killed in the middle of an answer has lost nothing it showed', async ({ page, own }) => {
  await open(page, '/chat');
  await send(page, LONG);
  await streaming(page, 200);
  const address = new URL(page.url()).pathname;
  await own.kill();
  const again = await Server.start({ dataDir: own.dataDir, port: own.port });
  try {
    await page.goto(address);
    await expect(page.locator('[data-role=user]')).toHaveText(LONG);
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'failed');
    await expect(textOf(lastAnswer(page))).not.toBeEmpty();
  } finally {
    await again.stop();
  }
});

test('a message that cannot be sent goes back into the composer', async ({ page, own }) => {
  await open(page, '/chat');
  await own.stop();
  await send(page, 'precious words');
  await expect(page.getByTestId('toast')).toBeVisible();
  await expect(composer(page)).toHaveValue('precious words');
});

test('more text than the model can take is counted, and can be trimmed', async ({ page }) => {
  await open(page, '/chat');
  await send(page, SHORT);
  await answered(page);
  await send(page, 'word '.repeat(12_000));
  const error = lastAnswer(page).getByTestId('message-error');
  await expect(error).toContainText(/tokens/);
  await expect(error).toContainText(/[0-9]{4}/);
});

test('a message of a megabyte is refused and kept', async ({ page }) => {
  await open(page, '/chat');
  const text = 'x'.repeat(1_100_000);
  await composer(page).evaluate((area: HTMLTextAreaElement, value) => {
    area.value = value;
    area.dispatchEvent(new Event('input', { bubbles: true }));
  }, text);
  await composer(page).press('Enter');
  await expect(page.getByTestId('toast')).toBeVisible();
  expect(await composer(page).evaluate((area: HTMLTextAreaElement) => area.value.length)).toBe(text.length);
});

test('without a model the page says what to do', async ({ browser }) => {
  const server = await Server.start({ model: 'none' });
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/chat');
  await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'unloaded');
  await send(page, 'Is anybody there?');
  await expect(page.getByTestId('toast').or(page.getByTestId('message-error')).first()).toContainText(/model/i);
  await context.close();
  await server.stop();
});

const behindButtons = /\/pkg\/split_behind_button.*\.wasm$/;

test('a file of the page that could not be fetched is fetched when the server is back', async ({ page }) => {
  await page.route(behindButtons, route => route.abort());
  await open(page, '/chat');
  await page.getByTestId('model-pill').click();
  await expect(page.getByTestId('model-option')).toHaveCount(0);
  await page.keyboard.press('Escape');
  // The page lives on without it.
  await send(page, SHORT);
  await answered(page);
  await expect(lastAnswer(page).getByTestId('saw-link')).toHaveCount(0);
  await page.unroute(behindButtons);
  await expect(lastAnswer(page).getByTestId('saw-link')).toBeVisible({ timeout: 20_000 });
  await page.getByTestId('model-pill').click();
  await expect(page.getByTestId('model-option').first()).toBeVisible();
});

const restPages = /\/pkg\/split_rest_page.*\.wasm$/;

test('a page whose file could not be fetched is shown when the server is back', async ({ page }) => {
  await page.route(restPages, route => route.abort());
  await open(page, '/chat');
  await page.getByRole('link', { name: 'Documents' }).first().click();
  await expect(page.getByTestId('not-fetched')).toBeVisible();
  await page.unroute(restPages);
  await expect(page.getByRole('heading', { name: 'Documents' })).toBeVisible({ timeout: 20_000 });
});

/** Opens the chat page as a server of another build would have sent it. */
async function openOfAnotherBuild(page: Page) {
  const chat = '**/chat';
  await page.route(chat, async route => {
    const reply = await route.fetch();
    const body = (await reply.text()).replace(/data-calls="[^"]*"/, 'data-calls="/build/before"');
    await route.fulfill({ response: reply, body });
  });
  await page.goto('/chat');
  await page.unroute(chat);
  await expect(page.getByTestId('connection')).toHaveAttribute('data-state', 'outdated', { timeout: 30_000 });
}

test('a page of another build does nothing by mistake, and offers to be loaded anew', async ({ page }) => {
  await openOfAnotherBuild(page);
  await expect(page.getByTestId('lost')).toContainText('newer version');
  await accessible(page);
  await send(page, 'a thought not yet sent');
  await expect(page.getByTestId('toast')).toContainText('newer version');
  await expect(composer(page)).toHaveValue('a thought not yet sent');

  await page.getByTestId('connection').getByRole('link', { name: 'Reload' }).click();
  await connected(page);
  await expect(page.locator('[data-role=user]')).toHaveCount(0);
  await expect(composer(page)).toHaveValue('a thought not yet sent');
  await send(page, SHORT);
  await answered(page);
});

test('a page whose file is gone with its build is loaded anew where it was to be shown', async ({ page }) => {
  await openOfAnotherBuild(page);
  await page.route(restPages, route => route.abort());
  await page.getByRole('link', { name: 'Documents' }).first().click();
  await expect(page).toHaveURL(/\/documents/);
  await page.unroute(restPages);
  await expect(page.getByRole('heading', { name: 'Documents' })).toBeVisible({ timeout: 20_000 });
  await connected(page);
});

test('a page is loaded anew when what is behind its buttons is gone with its build', async ({ page }) => {
  await page.route(behindButtons, route => route.abort());
  await openOfAnotherBuild(page);
  const failed = page.waitForEvent('requestfailed', request => behindButtons.test(request.url()));
  await page.getByTestId('model-pill').click();
  await failed;
  await page.unroute(behindButtons);
  await connected(page);
  await page.getByTestId('model-pill').click();
  await expect(page.getByTestId('model-option').first()).toBeVisible();
});
