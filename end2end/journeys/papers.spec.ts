// Documents that go whole with a message: named, dropped, pasted; and sentences of an answer without support, marked in it.

import type { Locator, Page } from '@playwright/test';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CallingModel } from '../support/caller';
import { freshFolder, required, Server } from '../support/server';
import { accessible, addModel, answered, composer, connected, expect, lastAnswer, LONG, open, send, sendAndStop, test, textOf } from '../support/test';

const LANTERN = 'The lantern of the lighthouse burns whale oil. The keeper climbs two hundred stairs every evening.';
/** Longer than what is taken without an offer. */
const LONG_TEXT = 'The keeper writes of wind and waves.\r\n'.repeat(2_000);

let n = 0;

function papers(page: Page): Locator {
  return page.getByTestId('paper');
}

/** A collection with one document, which has been read; what it is called. */
async function library(page: Page, file: string): Promise<string> {
  await open(page, '/documents');
  const name = `Shelf ${++n}`;
  await page.getByTestId('new-collection').getByRole('textbox').fill(name);
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('collection-name')).toHaveText(name);
  await page.getByTestId('add-files').setInputFiles([{ name: file, mimeType: 'text/plain', buffer: Buffer.from(LANTERN) }]);
  await expect(page.locator('[data-testid=document][data-state=ready]')).toHaveCount(1, { timeout: 30_000 });
  return name;
}

/** Lets go of files over the composer. */
async function drop(page: Page, files: { name: string; text: string }[]): Promise<void> {
  await composer(page).evaluate((area, files) => {
    const data = new DataTransfer();
    files.forEach(({ name, text }) => data.items.add(new File([text], name)));
    area.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }));
  }, files);
}

/** As a browser does it: the event, and if nobody takes it, the text in the box. */
async function paste(page: Page, text: string): Promise<void> {
  await composer(page).evaluate((area: HTMLTextAreaElement, text) => {
    const data = new DataTransfer();
    data.setData('text/plain', text);
    const event = new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: data });
    if (area.dispatchEvent(event)) {
      area.setRangeText(text, area.selectionStart, area.selectionEnd, 'end');
      area.dispatchEvent(new Event('input', { bubbles: true }));
    }
  }, text);
}

/** For whoever looks at it; only where a folder for pictures is named. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env.CHAOSENGINE_SHOTS;
  if (folder) {
    writeFileSync(join(folder, `${name}.png`), await page.screenshot());
  }
}

test('a document that is named goes whole with the message and stays in it', async ({ page }) => {
  await library(page, 'lantern-book.txt');
  await open(page, '/chat');
  await composer(page).pressSequentially('How many stairs are there? @lantern-b');
  const named = page.getByTestId('named').filter({ hasText: 'lantern-book.txt' });
  await expect(named).toHaveCount(1);
  await composer(page).press('Enter');
  // The chat begins with it, and what was typed goes along.
  await expect(page).toHaveURL(/\/chat\/\d+/);
  await expect(composer(page)).toHaveValue('How many stairs are there? ');
  await expect(papers(page)).toHaveCount(1);
  await expect(papers(page)).toContainText(/about \d+ tokens/);
  await expect(page.getByTestId('context')).toBeVisible();
  await accessible(page);
  // It is a draft like the text is.
  await page.reload();
  await connected(page);
  await expect(papers(page)).toHaveCount(1);

  await composer(page).press('Enter');
  await expect(papers(page)).toHaveCount(0);
  await answered(page);
  const chip = page.locator('[data-role=user] a.paper');
  await expect(chip).toHaveText('lantern-book.txt');
  await expect(lastAnswer(page).getByTestId('sources')).toContainText('documents: 1');
  await page.reload();
  await connected(page);
  await expect(chip).toHaveText('lantern-book.txt');
  await accessible(page);

  await page.getByTestId('saw-link').click();
  await expect(page.getByTestId('saw')).toContainText('climbs two hundred stairs');
  await page.goBack();
  await chip.click();
  await expect(page.getByTestId('reader')).toContainText('climbs two hundred stairs');
});

test('a document is taken away again, and one that is deleted later is said to be gone', async ({ page }) => {
  const shelf = await library(page, 'gone-book.txt');
  await open(page, '/chat');
  await composer(page).pressSequentially('@gone-bo');
  await page.getByTestId('named').filter({ hasText: 'gone-book.txt' }).click();
  await expect(papers(page)).toHaveCount(1);
  await page.getByTestId('paper-remove').click();
  await expect(papers(page)).toHaveCount(0);
  await composer(page).pressSequentially('@gone-bo');
  await page.getByTestId('named').filter({ hasText: 'gone-book.txt' }).click();
  await expect(papers(page)).toHaveCount(1);
  await sendAndStop(page, 'What is in it?');
  const chat = page.url();
  await open(page, '/documents');
  await page.getByTestId('collection').filter({ hasText: shelf }).click();
  await expect(page.getByTestId('collection-name')).toHaveText(shelf);
  await page.getByTestId('document-delete').click();
  await expect(page.getByTestId('document')).toHaveCount(0);
  await open(page, chat);
  await expect(page.locator('[data-role=user] .paper')).toHaveText('gone-book.txt (deleted)');
  await expect(page.locator('[data-role=user] a.paper')).toHaveCount(0);
});

test('files are dropped into a new chat, one that cannot be read says why, and its text is not lost', async ({ page }) => {
  await open(page, '/chat');
  await composer(page).fill('What are these?');
  await drop(page, [
    { name: 'notes.md', text: LANTERN },
    { name: 'broken.pdf', text: '%PDF-1.4 nothing' },
  ]);
  await expect(page).toHaveURL(/\/chat\/\d+/);
  await expect(papers(page)).toHaveCount(2);
  await expect(papers(page).filter({ hasText: 'notes.md' })).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
  const broken = papers(page).filter({ hasText: 'broken.pdf' });
  await expect(broken).toHaveAttribute('data-state', 'failed', { timeout: 30_000 });
  await expect(broken).toContainText('damaged');
  await accessible(page);
  await expect(composer(page)).toHaveValue('What are these?');
  await broken.getByTestId('paper-remove').click();
  await expect(papers(page)).toHaveCount(1);
  await composer(page).press('Enter');
  await expect(page.locator('[data-role=user] a.paper')).toHaveText('notes.md');
  // The chat may look into its files, which are in no list of collections.
  await page.getByTestId('chat-documents').click();
  await expect(page.locator('label').filter({ hasText: 'Files of this chat' })).toBeVisible();
  await open(page, '/documents');
  await expect(page.getByTestId('collection').filter({ hasText: 'What are these?' })).toHaveCount(0);
});

test('files that are let go of before the page is all there are not lost', async ({ page, context }) => {
  await open(page, '/chat');
  await sendAndStop(page, LONG);
  const chat = page.url();
  let fetched = (): void => undefined;
  const late = new Promise<void>(resolve => (fetched = resolve));
  const other = await context.newPage();
  await other.route(/\/pkg\/split_behind_button.*\.wasm$/, async route => {
    await late;
    await route.continue();
  });
  await open(other, chat);
  await drop(other, [{ name: 'early.md', text: LANTERN }]);
  // What happens in the chat meanwhile, which the page shows, takes nothing away.
  await sendAndStop(page, LONG);
  await expect(other.locator('[data-role=user]')).toHaveCount(2);
  fetched();
  await expect(papers(other)).toContainText('early.md');
  await other.close();
});

test.describe('what is refused', () => {
  test.use({ expectedErrors: [/status of 422/] });

  test('a message whose document cannot be given is a draft again', async ({ page }) => {
    await open(page, '/chat');
    await drop(page, [{ name: 'broken.pdf', text: '%PDF-1.4 nothing' }]);
    await expect(papers(page)).toHaveAttribute('data-state', 'failed', { timeout: 30_000 });
    await send(page, 'What is this?');
    await expect(page.getByTestId('toast')).toContainText('“broken.pdf” cannot be given to the model');
    await expect(composer(page)).toHaveValue('What is this?');
    await expect(page.getByTestId('message')).toHaveCount(0);
  });

  test('a temporary chat takes no files and says so', async ({ page }) => {
    await open(page, '/chat');
    await page.getByTestId('begin-temporary').click();
    await expect(page.getByTestId('temporary')).toBeVisible();
    await connected(page);
    await drop(page, [{ name: 'notes.md', text: LANTERN }]);
    await expect(page.getByTestId('toast')).toContainText('temporary chat keeps nothing');
    await expect(papers(page)).toHaveCount(0);
  });
});

test('a long text that is pasted can be a file instead', async ({ page }) => {
  await open(page, '/chat');
  await composer(page).fill('Summarise: ');
  await paste(page, 'short');
  await expect(page.getByTestId('pasted')).toHaveCount(0);
  await composer(page).fill('Summarise: ');
  await paste(page, LONG_TEXT);
  await expect(page.getByTestId('pasted')).toContainText(`${LONG_TEXT.length} characters`);
  await accessible(page);
  await page.getByTestId('pasted-attach').click();
  await expect(composer(page)).toHaveValue('Summarise: ');
  await expect(papers(page)).toContainText('Pasted text.txt');
  await expect(papers(page)).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
  // It is more than this model takes, and that is said before it is sent.
  await expect(page.getByTestId('papers-too-much')).toContainText(/about \d+ tokens/);
  await page.getByTestId('paper-remove').click();
  await paste(page, LONG_TEXT);
  await page.getByTestId('pasted-keep').click();
  await expect(page.getByTestId('pasted')).toHaveCount(0);
  await expect(composer(page)).toHaveValue(/wind and waves/);
  await composer(page).fill('');
});

test('files are chosen from the list of documents', async ({ page }) => {
  await open(page, '/chat');
  await page.getByTestId('chat-documents').click();
  await page.getByTestId('choose-files').setInputFiles([{ name: 'chosen.txt', mimeType: 'text/plain', buffer: Buffer.from(LANTERN) }]);
  await expect(page).toHaveURL(/\/chat\/\d+/);
  await expect(papers(page)).toContainText('chosen.txt');
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [name, width, height] of [['desktop', 1440, 900], ['phone', 390, 844]] as const) {
    test(`documents in a message are accessible: ${colorScheme}, ${name}`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await open(page, '/chat');
      await drop(page, [
        { name: 'The keeper’s very long diary of the year 1911, with the sea.md', text: LANTERN },
        { name: 'broken.pdf', text: '%PDF-1.4 nothing' },
      ]);
      await expect(page.locator('[data-testid=paper][data-state=failed]')).toBeVisible({ timeout: 30_000 });
      await expect(page.locator('[data-testid=paper][data-state=ready]')).toBeVisible({ timeout: 30_000 });
      await paste(page, LONG_TEXT);
      await expect(page.getByTestId('pasted')).toBeVisible();
      await accessible(page);
      await composer(page).fill('What does he write?');
      await shoot(page, `papers-draft-${colorScheme}-${name}`);
      await page.locator('[data-state=failed]').getByTestId('paper-remove').click();
      await expect(papers(page)).toHaveCount(1);
      await sendAndStop(page, 'What does he write?');
      await accessible(page);
      await shoot(page, `papers-sent-${colorScheme}-${name}`);
    });
  }
}

test('sentences without support are marked in the answer', async ({ browser }) => {
  const model = await CallingModel.start(() => ({
    text: 'The lantern burns whale oil [1]. The keeper was **born on M**ars and paints `purple` bicycles. He climbs two hundred stairs.',
  }));
  const dataDir = freshFolder();
  mkdirSync(join(dataDir, 'models'), { recursive: true });
  cpSync(required('CHAOSENGINE_TEST_ENCODER'), join(dataDir, 'models', 'minilm'), { recursive: true });
  const server = await Server.start({ model: 'none', dataDir });
  const context = await browser.newContext({ baseURL: server.address, locale: 'en-GB' });
  try {
    const page = await context.newPage();
    await addModel(page, model.address);
    await drop(page, [{ name: 'lantern.txt', text: LANTERN }]);
    await expect(papers(page)).toHaveAttribute('data-state', 'ready', { timeout: 60_000 });
    await send(page, 'What of the lighthouse?');
    await answered(page);
    const citation = lastAnswer(page).locator('a.citation');
    await expect(citation).toHaveAttribute('href', /^\/documents\/\d+\?for=/);
    await lastAnswer(page).getByTestId('sources').locator('summary').click();
    await page.getByTestId('support-ask').click();
    const marks = textOf(lastAnswer(page)).locator('mark.unsupported');
    await expect(marks.first()).toBeVisible({ timeout: 60_000 });
    expect((await marks.allTextContents()).join('')).toBe('The keeper was born on Mars and paints purple bicycles.');
    await expect(marks.first()).toHaveAttribute('title', /heuristic/);
    await expect(page.getByTestId('unsupported')).toHaveCount(1);
    await expect(citation).toHaveText('[1]');
    await accessible(page);
    await shoot(page, 'papers-support');
    // What follows does not take the marks away.
    await send(page, 'And now?');
    await expect(page.locator('[data-role=assistant]')).toHaveCount(2);
    await answered(page);
    await expect(page.locator('[data-role=assistant]').first().locator('mark.unsupported').first()).toBeVisible();
  } finally {
    await context.close();
    model.stop();
    await server.stop();
  }
});
