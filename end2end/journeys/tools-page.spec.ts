// Tools: who lets them run, who searches the web, and servers of tools.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { Server } from '../support/server';
import { accessible, connected, expect, open, test } from '../support/test';
import { addProgram, isIn, server, tool } from '../support/tool-server';

const KEY = 'a-key-that-no-browser-sees';

/** Does something about a tool and waits until the server has done it. */
async function done(page: Page, name: string, act: () => Promise<unknown>): Promise<void> {
  const request = page.waitForRequest(
    it => it.url().includes('/rpc/app/pages/tools/') && (it.postDataBuffer()?.includes(name) ?? false),
  );
  await act();
  await (await request).response();
}

async function remove(page: Page, name: string): Promise<void> {
  await server(page, name).getByTestId('server-remove').click();
  await server(page, name).getByTestId('server-remove-yes').click();
  await expect(server(page, name)).toHaveCount(0);
}

test('own tools are there with what they do, and what is chosen for them stays', async ({ page }) => {
  await open(page, '/tools');
  await expect(tool(page, 'calculator').getByTestId('tool-effect')).toContainText('nothing');
  await expect(tool(page, 'calculator').getByTestId('tool-permission')).toHaveValue('always');
  const fetched = tool(page, 'fetch_page');
  await expect(fetched.getByTestId('tool-effect')).toContainText('Sends');
  await expect(fetched.getByTestId('tool-permission')).toHaveValue('ask');
  const begins = tool(page, 'clock').getByTestId('tool-default');
  await done(page, 'fetch_page', () => fetched.getByTestId('tool-permission').selectOption('never'));
  await done(page, 'clock', () => begins.check());
  await page.reload();
  await connected(page);
  await page.getByTestId('new-session').click();
  await expect(page.getByTestId('chat-tools-n')).toHaveText('1');
  await page.reload();
  await connected(page);
  await expect(page.getByTestId('chat-tools-n')).toHaveText('1');
  await open(page, '/tools');
  await expect(fetched.getByTestId('tool-permission')).toHaveValue('never');
  await expect(begins).toBeChecked();
  await done(page, 'fetch_page', () => fetched.getByTestId('tool-permission').selectOption('ask'));
  await done(page, 'clock', () => begins.uncheck());
});

test('somebody searches the web once that is chosen, and the key stays on the machine', async ({ page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  await open(page, '/tools');
  await expect(page.locator('input[name=search-service][value=off]')).toBeChecked();
  await expect(tool(page, 'web_search')).toHaveCount(0);
  const status = page.getByTestId('search-status');
  const save = page.getByTestId('search-save');

  await page.locator('input[name=search-service][value=brave]').check();
  await save.click();
  await expect(status).toContainText('wants a key');
  await page.locator('#search-key').fill(`${KEY}-of-brave`);
  await save.click();
  await expect(status).toHaveText('Saved.');
  await expect(page.locator('#search-key-hint')).toContainText('rave');
  await expect(page.locator('#search-key')).toHaveValue('');
  await expect(tool(page, 'web_search').getByTestId('tool-permission')).toHaveValue('ask');
  expect(await (await page.request.get('/tools')).text()).not.toContain(KEY);

  await page.locator('input[name=search-service][value=searxng]').check();
  await page.locator('#search-address').fill('http://127.0.0.1:8888');
  await save.click();
  await expect(status).toHaveText('Saved.');
  await page.reload();
  await connected(page);
  await expect(page.locator('#search-address')).toHaveValue('http://127.0.0.1:8888');
  await page.locator('input[name=search-service][value=off]').check();
  await save.click();
  await expect(tool(page, 'web_search')).toHaveCount(0);
});

test('a server of tools is added, switched off and on, and removed', async ({ page, server: own }) => {
  await open(page, '/tools');
  await expect(page.getByTestId('servers-none')).toBeVisible();
  await addProgram(page, 'files', `TOOL_SERVER_KEY=${KEY}`);
  await isIn(page, 'files', 'ready');
  const row = server(page, 'files');
  await expect(row.getByTestId('server-tools')).toContainText('files_read');
  await expect(row.getByTestId('server-refused')).toContainText('no schema');
  await expect(row.getByTestId('server-place')).toContainText('TOOL_SERVER_KEY');
  const read = tool(page, 'files_read');
  await expect(read).toContainText('<b>Reads</b> a file.');
  await expect(read).toContainText('files');
  await expect(read.getByTestId('tool-effect')).toContainText('change');
  await expect(read.getByTestId('tool-permission')).toHaveValue('ask');
  expect(await (await page.request.get('/tools')).text()).not.toContain(KEY);
  expect(readFileSync(join(own.dataDir, 'app.sqlite')).includes(KEY)).toBe(false);

  await row.getByTestId('server-switch').click();
  await isIn(page, 'files', 'off');
  await expect(read).toHaveCount(0);
  await expect(row.getByTestId('server-reconnect')).toBeDisabled();
  await row.getByTestId('server-switch').click();
  await isIn(page, 'files', 'ready');
  await expect(read).toHaveCount(1);
  await row.getByTestId('server-reconnect').click();
  await isIn(page, 'files', 'ready');

  await row.getByTestId('server-remove').click();
  await expect(row.getByTestId('server-remove-no')).toBeFocused();
  await row.getByTestId('server-remove-no').click();
  await remove(page, 'files');
  await expect(read).toHaveCount(0);
});

test('a server that cannot be used says why, and what is typed wrong stays', async ({ page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  await open(page, '/tools');
  await addProgram(page, 'mute', 'a-line-without-a-name');
  await expect(page.getByTestId('server-status')).toContainText('Line 1');
  await expect(page.locator('#server-name')).toHaveValue('mute');
  await page.locator('#server-environment').fill('');
  await page.getByTestId('server-save').click();
  await isIn(page, 'mute', 'failed');
  await expect(server(page, 'mute').getByTestId('server-words')).toContainText('was given no key');

  await page.getByTestId('server-add').click();
  await page.locator('#server-name').fill('Mute');
  await page.locator('input[name=kind][value=address]').check();
  await page.locator('#server-url').fill('http://127.0.0.1:9/mcp');
  await page.getByTestId('server-save').click();
  await expect(page.getByTestId('server-status')).toContainText('choose another name');
  await page.getByTestId('server-cancel').click();
  await remove(page, 'mute');
});

test('whom a proxy speaks for may choose tools, but not what holds for everybody', async ({ browser, server: own }) => {
  const context = await browser.newContext({ baseURL: own.address, extraHTTPHeaders: { 'x-forwarded-for': '10.0.0.9' } });
  const page = await context.newPage();
  await open(page, '/tools');
  await expect(page.getByTestId('tools-not-managed')).toBeVisible();
  await expect(page.getByTestId('search')).toHaveCount(0);
  await expect(page.getByTestId('servers')).toHaveCount(0);
  await context.close();
});

test('the tools can be read without scripting', async ({ browser, server: own }) => {
  const context = await browser.newContext({ baseURL: own.address, javaScriptEnabled: false, locale: 'de-DE' });
  const page = await context.newPage();
  await page.goto('/tools');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Werkzeuge');
  await expect(tool(page, 'calculator')).toContainText('Rechnet genau.');
  await expect(tool(page, 'calculator').getByTestId('tool-permission')).toBeDisabled();
  await context.close();
});

test('the sidebar and the palette lead to the tools', async ({ page }) => {
  await open(page, '/chat');
  await page.getByRole('navigation').getByRole('link', { name: 'Tools', exact: true }).click();
  await expect(page.getByTestId('tools-page')).toBeVisible();
  await open(page, '/chat');
  await page.keyboard.press('Control+k');
  await page.getByTestId('palette').getByRole('combobox').fill('tools');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/tools$/);
});

test('a server of tools is there again after a restart', async ({ page }) => {
  let own = await Server.start({ model: 'none' });
  try {
    await open(page, `${own.address}/tools`);
    await addProgram(page, 'files', `TOOL_SERVER_KEY=${KEY}`);
    await isIn(page, 'files', 'ready');
    await done(page, 'files_read', () => tool(page, 'files_read').getByTestId('tool-permission').selectOption('always'));
    await page.goto('about:blank');
    const { dataDir } = own;
    await own.stop();
    own = await Server.start({ model: 'none', dataDir });
    await open(page, `${own.address}/tools`);
    await isIn(page, 'files', 'ready');
    await expect(tool(page, 'files_read').getByTestId('tool-permission')).toHaveValue('always');
    await expect(tool(page, 'files_read').getByTestId('tool-changed')).toHaveCount(0);
  } finally {
    // A page whose server ends complains, which is not what this is about.
    await page.goto('about:blank');
    await own.stop();
  }
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [width, height] of [[1440, 900], [390, 844]] as const) {
    test(`the tools are accessible: ${colorScheme}, ${width} wide`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await open(page, '/tools');
      await accessible(page);
      for (const service of ['searxng', 'brave']) {
        await page.locator(`input[name=search-service][value=${service}]`).check();
        await accessible(page);
      }
      await addProgram(page, 'seen', 'x');
      await accessible(page);
      await page.locator('input[name=kind][value=address]').check();
      await accessible(page);
      await page.locator('input[name=kind][value=program]').check();
      await page.locator('#server-program').fill('there-is-no-such-program');
      await page.getByTestId('server-save').click();
      await isIn(page, 'seen', 'failed');
      await accessible(page);
      await server(page, 'seen').getByTestId('server-remove').click();
      await accessible(page);
      await server(page, 'seen').getByTestId('server-remove-yes').click();
      await expect(server(page, 'seen')).toHaveCount(0);
    });
  }
}
