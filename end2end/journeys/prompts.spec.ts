// The library of prompts: from a text with variables to a chat.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { freshFolder } from '../support/server';
import { accessible, composer, connected, expect, open, test } from '../support/test';

function field(page: Page, id: string) {
  return page.locator(`#prompt-${id}`);
}

function row(page: Page, name: string) {
  return page.getByTestId('prompt-row').filter({ hasText: `/${name}` });
}

async function write(page: Page, name: string, body: string, more: Record<string, string> = {}): Promise<void> {
  await open(page, '/prompts/new');
  await field(page, 'name').fill(name);
  await field(page, 'body').fill(body);
  for (const [id, text] of Object.entries(more)) {
    await field(page, id).fill(text);
  }
  await page.getByTestId('prompt-save').click();
  await expect(page.getByTestId('prompt-name')).toHaveText(`/${name.toLowerCase()}`);
}

test('a prompt is written, filled in and used in a new chat', async ({ page }) => {
  await open(page, '/prompts/new');
  await field(page, 'name').fill('/Greet');
  await field(page, 'folder').fill('Work');
  await field(page, 'tags').fill('polite, short');
  await field(page, 'body').fill('Say {{greeting}} to {{name}}, {{times}} times. \\{{kept}}');
  const variables = page.getByTestId('prompt-variable');
  await expect(variables).toHaveCount(3);
  await variables.nth(0).getByTestId('variable-kind').selectOption('choice');
  await variables.nth(0).getByTestId('variable-choices').fill('hello\ngood morning');
  await variables.nth(0).getByTestId('variable-default').fill('hello');
  await variables.nth(2).getByTestId('variable-kind').selectOption('number');
  await variables.nth(2).getByTestId('variable-default').fill('2');
  await page.getByTestId('prompt-save').click();

  const preview = page.getByTestId('prompt-preview');
  await expect(preview).toHaveText('Say hello to , 2 times. {{kept}}');
  await page.getByLabel('greeting').selectOption('good morning');
  await page.getByLabel('name', { exact: true }).fill('<b>Ada</b> {{times}}');
  await expect(preview).toHaveText('Say good morning to <b>Ada</b> {{times}}, 2 times. {{kept}}');
  await page.getByLabel('times').fill('many');
  await expect(page.getByTestId('prompt-use')).toBeDisabled();
  await page.getByLabel('times').fill('3');
  await page.getByTestId('prompt-use').click();

  await expect(page).toHaveURL(/\/chat$/);
  await expect(composer(page)).toHaveValue('Say good morning to <b>Ada</b> {{times}}, 3 times. {{kept}}');
  // What was there already stays.
  await open(page, '/prompts');
  await row(page, 'greet').getByRole('link').click();
  await page.getByTestId('prompt-use').click();
  await expect(composer(page)).toHaveValue(/\{\{kept\}\}\n\nSay hello to , 2 times/);
  await composer(page).fill('');
});

test('prompts are found by word, folder and tag, and the address keeps that', async ({ page }) => {
  await write(page, 'needle-one', 'Look for a wombat', { folder: 'Zoo', tags: 'animal' });
  await write(page, 'needle-two', 'Look for a heron', { folder: 'Zoo', about: 'Birds <i>only</i>' });
  await open(page, '/prompts');
  await page.getByTestId('prompt-search').pressSequentially('womb');
  await expect(page.getByTestId('prompt-row')).toHaveCount(1);
  await expect(row(page, 'needle-one')).toBeVisible();
  await expect(page.getByTestId('prompt-search')).toBeFocused();
  await page.reload();
  await connected(page);
  await expect(page.getByTestId('prompt-row')).toHaveCount(1);
  await page.getByTestId('prompt-search').fill('');
  await page.getByTestId('prompt-folders').getByRole('link', { name: /^Zoo/ }).click();
  await expect(page.getByTestId('prompt-row')).toHaveCount(2);
  await expect(row(page, 'needle-two')).toContainText('Birds <i>only</i>');
  await page.getByTestId('prompt-tags').getByRole('link', { name: '#animal' }).click();
  await expect(page.getByTestId('prompt-row')).toHaveCount(1);
  await expect(page).toHaveURL(/folder=Zoo&tag=animal/);
  await page.getByTestId('prompt-search').fill('nothing like that');
  await expect(page.getByTestId('prompts-none')).toBeVisible();
});

test('a taken name and a text without a name are refused, and what was typed stays', async ({ page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  await write(page, 'taken', 'first');
  await open(page, '/prompts/new');
  await field(page, 'body').fill('second');
  await page.getByTestId('prompt-save').click();
  await expect(page.getByTestId('prompt-failure')).toContainText('needs a name');
  await field(page, 'name').fill('Taken');
  await page.getByTestId('prompt-save').click();
  await expect(page.getByTestId('prompt-failure')).toContainText('“taken”');
  await page.reload();
  await connected(page);
  await expect(page.getByTestId('prompt-kept')).toBeVisible();
  await expect(field(page, 'body')).toHaveValue('second');
  await page.getByTestId('prompt-kept').getByRole('button').click();
  await expect(field(page, 'body')).toHaveValue('');
  await page.getByTestId('prompt-cancel').click();
  await expect(page).toHaveURL(/\/prompts$/);
});

test('an earlier text is looked at and used again', async ({ page }) => {
  await write(page, 'versioned', 'the first words');
  await page.getByTestId('prompt-parts').getByRole('link', { name: 'Edit' }).click();
  await field(page, 'body').fill('the second words');
  await page.getByTestId('prompt-save').click();
  await expect(page.getByTestId('prompt-preview')).toHaveText('the second words');
  await page.getByTestId('prompt-parts').getByRole('link', { name: 'Versions' }).click();
  await expect(page.getByTestId('prompt-version')).toHaveCount(2);
  await page.getByTestId('prompt-version').last().click();
  await expect(page.getByTestId('prompt-past').locator('del')).toContainText('first');
  await expect(page.getByTestId('prompt-past').locator('ins')).toContainText('second');
  await page.getByTestId('prompt-return').click();
  await expect(page.getByTestId('prompt-preview')).toHaveText('the first words');
  await page.getByTestId('prompt-parts').getByRole('link', { name: 'Versions' }).click();
  await expect(page.getByTestId('prompt-version')).toHaveCount(3);
});

test('a prompt is duplicated, deleted, and brought back', async ({ page }) => {
  await write(page, 'fleeting', 'soon gone');
  await page.getByTestId('prompt-duplicate').click();
  await expect(page.getByTestId('prompt-name')).toHaveText('/fleeting-2');
  await page.getByTestId('prompt-delete').click();
  await expect(page).toHaveURL(/\/prompts$/);
  await expect(row(page, 'fleeting-2')).toHaveCount(0);
  await page.getByTestId('toast-action').click();
  await expect(row(page, 'fleeting-2')).toHaveCount(1);
});

test('prompts leave as a file and come back from it', async ({ page, expectedErrors }) => {
  expectedErrors.push(/status of 4(00|22)/);
  await write(page, 'traveller', 'from {{here}}');
  const download = page.waitForEvent('download');
  await page.getByTestId('prompt-export').click();
  const file = await (await download).path();
  const exported = JSON.parse(readFileSync(file, 'utf8'));
  expect(exported.format).toBe('chaosengine-prompts');
  expect(exported.prompts.map((prompt: { name: string }) => prompt.name)).toContain('traveller');

  const folder = freshFolder();
  const given = async (name: string, text: string | Buffer) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    await page.getByTestId('prompt-import').setInputFiles(path);
  };
  exported.prompts = [{ name: 'traveller', body: 'from elsewhere' }];
  await given('other.json', JSON.stringify(exported));
  await expect(page.getByTestId('toast').filter({ hasText: '1 of them have another name' })).toBeVisible();
  await expect(row(page, 'traveller-2')).toHaveCount(1);
  await given('foreign.json', '[{"command": "/x", "content": "y"}]');
  await expect(page.getByTestId('toast').filter({ hasText: 'not one that this program exported' })).toBeVisible();
  await given('broken.json', Buffer.from([0xff, 0xfe, 0x00]));
  await expect(page.getByTestId('toast').filter({ hasText: 'could not be read' })).toBeVisible();
});

test('a library of several megabytes is taken in, and once only', async ({ page }) => {
  const n = 60;
  const body = (i: number) => `Volume ${i}. ${'All that is known of whelks. '.repeat(2_000)}The end of volume ${i}.`;
  const prompts = Array.from({ length: n }, (_, i) => ({ name: `whelks-${i}`, folder: 'Whelks', body: body(i) }));
  const buffer = Buffer.from(JSON.stringify({ format: 'chaosengine-prompts', version: 1, prompts }));
  expect(buffer.length).toBeGreaterThan(3 << 20);
  const library = { name: 'whelks.json', mimeType: 'application/json', buffer };
  await open(page, '/prompts');
  await page.getByTestId('prompt-import').setInputFiles([library]);
  await expect(page.getByTestId('toast').filter({ hasText: `${n} prompts were imported` })).toBeVisible();
  await page.getByTestId('prompt-folders').getByRole('link', { name: /^Whelks/ }).click();
  await expect(page.getByTestId('prompt-row')).toHaveCount(n);
  await row(page, `whelks-${n - 1}`).getByRole('link').click();
  await expect(page.getByTestId('prompt-preview')).toHaveText(body(n - 1));

  await page.getByTestId('prompt-import').setInputFiles([library]);
  await expect(page.getByTestId('toast').filter({ hasText: `${n} were there already` })).toBeVisible();
  await expect(page.getByTestId('prompt-row')).toHaveCount(n);
});

test('a prompt becomes the system prompt, and the one before comes back', async ({ page }) => {
  await write(page, 'role', 'You are a lighthouse.');
  await page.getByTestId('prompt-system').click();
  await expect(page.getByTestId('toast')).toContainText('system prompt');
  const other = await page.context().newPage();
  await other.goto('/settings');
  await expect(other.locator('#system-prompt')).toHaveValue('You are a lighthouse.');
  await page.getByTestId('toast-action').click();
  await expect(async () => {
    await other.reload();
    await expect(other.locator('#system-prompt')).toHaveValue('', { timeout: 500 });
  }).toPass();
});

test('a prompt stands before a new chat, or before those of a folder', async ({ page }) => {
  await page.goto('/chats');
  await connected(page);
  await page.getByTestId('folder-new').fill('Lamps');
  await page.getByTestId('folder-new').press('Enter');
  await expect(page.getByTestId('folder').filter({ hasText: 'Lamps' })).toBeVisible();
  await write(page, 'lamp', 'You are a lamp.');
  const place = page.getByTestId('prompt-system-place');
  await place.selectOption({ label: 'of the folder Lamps' });
  await page.getByTestId('prompt-system').click();
  await expect(page.getByTestId('toast')).toContainText('system prompt');
  await place.selectOption('new');
  await page.getByTestId('prompt-system').click();
  await expect(page).toHaveURL(/\/chat\/\d+$/);
  await page.goto(`${page.url()}/setup`);
  await expect(page.getByTestId('setup-system')).toHaveValue('You are a lamp.');
  await page.goto('/chats');
  await page.getByTestId('folder').filter({ hasText: 'Lamps' }).getByRole('link').click();
  await expect(page.getByTestId('folder-prompt-text')).toHaveValue('You are a lamp.');
});

test('prompts to begin with are there, and the library can be read without scripting', async ({ browser, server }) => {
  const context = await browser.newContext({ baseURL: server.address, javaScriptEnabled: false, locale: 'en-GB' });
  const page = await context.newPage();
  await page.goto('/prompts?q=tutor');
  await page.getByTestId('prompt-row').getByRole('link').click();
  await expect(page.getByTestId('prompt-preview')).toContainText('You teach mathematics');
  await page.goto('/prompts/999999');
  await expect(page.getByRole('alert')).toContainText('not here');
  await context.close();
});

test('the palette leads to the prompts', async ({ page }) => {
  await open(page, '/chat');
  await page.keyboard.press('Control+k');
  await page.getByTestId('palette').getByRole('combobox').fill('prompts');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/prompts/);
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [width, height] of [[1440, 900], [390, 844]] as const) {
    test(`the library is accessible: ${colorScheme}, ${width} wide`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await open(page, '/prompts');
      await accessible(page);
      await page.getByTestId('prompt-row').first().getByRole('link').click();
      await expect(page.getByTestId('prompt-preview')).toBeVisible();
      await accessible(page);
      for (const part of ['Edit', 'Versions']) {
        await page.getByTestId('prompt-parts').getByRole('link', { name: part }).click();
        await accessible(page);
      }
    });
  }
}
