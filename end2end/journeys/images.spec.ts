// Images for a model that looks at them: chosen, dropped, pasted, taken away, sent and kept.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Browser, type Page } from '@playwright/test';
import { freshFolder, required, Server } from '../support/server';
import { accessible, chooseModel, composer, connected, expect, lastAnswer, open, send, test } from '../support/test';

/** Numbers of a token's vector in the test model. */
const N_EMBD = '576';

const PICTURE = {
  name: 'flag.png',
  mimeType: 'image/png',
  buffer: Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4nGP4z8Dw//9/EAayADnUB/lhNvl4AAAAAElFTkSuQmCC',
    'base64',
  ),
};

/** A server whose model has a projector beside it. */
async function seeing(dataDir = freshFolder()): Promise<Server> {
  const folder = join(freshFolder(), 'seeing');
  mkdirSync(folder);
  const model = required('CHAOSENGINE_TEST_MODEL');
  const file = join(folder, basename(model));
  copyFileSync(model, file);
  execFileSync(required('CHAOSENGINE_SEED'), ['projector', join(folder, 'mmproj-f16.gguf'), N_EMBD]);
  return (await Server.start({ dataDir, model: { path: file } })).ready(16);
}

async function pageOf(server: Server, browser: Browser): Promise<Page> {
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await page.goto('/chat');
  await connected(page);
  return page;
}

/** Lets go of the picture over the composer, or pastes it there. */
async function give(page: Page, kind: 'drop' | 'paste'): Promise<void> {
  const bytes = [...PICTURE.buffer];
  await composer(page).evaluate(
    (area, { kind, bytes }) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], 'flag.png', { type: 'image/png' }));
      const options = { bubbles: true, cancelable: true };
      const event =
        kind === 'drop'
          ? new DragEvent('drop', { ...options, dataTransfer: data })
          : new ClipboardEvent('paste', { ...options, clipboardData: data });
      area.dispatchEvent(event);
    },
    { kind, bytes },
  );
}

test('images are added, taken away, sent with a message, and stay in it', async ({ browser }) => {
  const server = await seeing();
  const page = await pageOf(server, browser);
  const attached = page.getByTestId('attached').locator('img');
  await page.getByTestId('attach').setInputFiles([PICTURE]);
  await expect(attached).toHaveCount(1);
  await page.getByRole('button', { name: 'Remove this image' }).click();
  await expect(attached).toHaveCount(0);
  await give(page, 'drop');
  await expect(attached).toHaveCount(1);
  await accessible(page);

  await composer(page).fill('What is on this?');
  await composer(page).press('Enter');
  await expect(attached).toHaveCount(0);
  const image = page.getByTestId('message-image');
  await expect(image).toHaveCount(1);
  await expect(page.locator('[data-role=assistant][data-state=cut]')).toBeVisible({ timeout: 60_000 });
  await page.reload();
  await connected(page);
  await expect(image).toHaveJSProperty('naturalWidth', 2);
  await expect(page.getByTestId('message-text').first()).toHaveText('What is on this?');
  await page.context().close();
  await server.stop();
});

test('an image is given to the model again with what is asked later', async ({ browser }) => {
  const server = await seeing();
  const page = await pageOf(server, browser);
  const answers = page.locator('[data-role=assistant][data-state=cut]');
  await page.getByTestId('attach').setInputFiles([PICTURE]);
  await expect(page.getByTestId('attached').locator('img')).toHaveCount(1);
  for (const [n, text] of ['What is on this?', 'And which colours has it?'].entries()) {
    await send(page, text);
    await expect(answers).toHaveCount(n + 1, { timeout: 60_000 });
  }
  await lastAnswer(page).getByTestId('saw-link').click();
  const seen = page.getByTestId('saw');
  await expect(seen).toContainText(/image, \d+ tokens.*What is on this\?.*And which colours has it\?/s);
  await page.context().close();
  await server.stop();
});

test('an image alone is a message, and an edited one keeps its image', async ({ browser }) => {
  const server = await seeing();
  const page = await pageOf(server, browser);
  await composer(page).focus();
  await give(page, 'paste');
  await expect(page.getByTestId('attached').locator('img')).toHaveCount(1);
  await page.getByTestId('send').click();
  await expect(page.locator('[data-role=assistant][data-state=cut]')).toBeVisible({ timeout: 60_000 });
  await page.locator('[data-role=user]').hover();
  await page.getByTestId('edit').click();
  await page.getByTestId('edit-text').fill('Say it again.');
  await page.getByTestId('edit-send').click();
  await expect(page.getByTestId('message-text').first()).toHaveText('Say it again.');
  await expect(page.getByTestId('message-image')).toHaveCount(1);
  await page.context().close();
  await server.stop();
});

test('images wait with the draft of their chat and with no other, and for a model that looks at them', async ({ browser }) => {
  const dataDir = freshFolder();
  mkdirSync(join(dataDir, 'models'));
  copyFileSync(required('CHAOSENGINE_TEST_MODEL'), join(dataDir, 'models', 'Blind-Model.gguf'));
  const server = await seeing(dataDir);
  const page = await pageOf(server, browser);
  const attached = page.getByTestId('attached').locator('img');
  await page.getByTestId('attach').setInputFiles([PICTURE]);
  await expect(attached).toHaveCount(1);
  await composer(page).fill('What is on this?');
  await page.reload();
  await connected(page);
  await expect(attached).toHaveCount(1);
  await expect(composer(page)).toHaveValue('What is on this?');
  await composer(page).press('Enter');
  await expect(page.locator('[data-role=assistant][data-state=cut]')).toBeVisible({ timeout: 60_000 });
  await page.getByTestId('attach').setInputFiles([PICTURE, PICTURE]);
  // The same picture twice is one image.
  await expect(attached.first()).toBeVisible();
  await page.getByTestId('new-session').click();
  await expect(page).toHaveURL(/\/chat$/);
  await expect(attached).toHaveCount(0);
  await page.goBack();
  await expect(attached.first()).toBeVisible();

  const name = await page.getByTestId('model-name').innerText();
  await expect(page.getByTestId('blind')).toHaveCount(0);
  await chooseModel(page, 'Blind-Model');
  await expect(page.getByTestId('blind')).toContainText('does not look at images');
  await expect(page.getByTestId('attach')).toHaveCount(0);
  await expect(attached.first()).toBeVisible();
  await accessible(page);
  await chooseModel(page, name);
  await expect(page.getByTestId('blind')).toHaveCount(0);

  // What counts is who answers this message.
  await composer(page).pressSequentially('And now? @Blind');
  await page.getByTestId('named').filter({ hasText: 'Answers this message alone' }).click();
  await expect(page.getByTestId('blind')).toContainText('does not look at images');
  await expect(page.getByTestId('attach')).toHaveCount(0);
  await page.getByTestId('answers-next-not').click();
  await expect(page.getByTestId('blind')).toHaveCount(0);
  await expect(page.getByTestId('attach')).toBeAttached();

  // An answer says which images of the chat its model was not shown.
  await page.getByRole('button', { name: 'Remove this image' }).first().click();
  await expect(attached).toHaveCount(0);
  await composer(page).pressSequentially('@Blind');
  await page.getByTestId('named').filter({ hasText: 'Answers this message alone' }).click();
  await composer(page).press('Enter');
  await expect(page.locator('[data-role=assistant][data-state=cut]')).toHaveCount(2, { timeout: 60_000 });
  await expect(lastAnswer(page).getByTestId('unseen-images')).toContainText('1 images in this chat were not shown');
  await page.context().close();
  await server.stop();
});

test('a file that is no image says so, and a model without eyes offers nothing', async ({ browser, page: blind }) => {
  await open(blind, '/chat');
  await expect(composer(blind)).toBeVisible();
  await expect(blind.getByTestId('attach')).toHaveCount(0);
  const server = await seeing();
  const page = await pageOf(server, browser);
  const text = { name: 'notes.png', mimeType: 'image/png', buffer: Buffer.from('no picture at all') };
  await page.getByTestId('attach').setInputFiles([text]);
  await expect(page.getByTestId('toast')).toContainText('PNG, JPEG, WebP, GIF, BMP or TIFF');
  await expect(page.getByTestId('attached').locator('img')).toHaveCount(0);
  await page.context().close();
  await server.stop();
});
