// Documents: collections, adding by button and by dropping, finding, reading at a passage, and answers that cite.

import type { Page } from '@playwright/test';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bomb } from '../support/office';
import { pdf } from '../support/pdf';
import { freshFolder, required, Server } from '../support/server';
import { accessible, answered, composer, connected, expect, lastAnswer, open, send, test, watchErrors } from '../support/test';

const LANTERN = {
  name: 'lantern.md',
  mimeType: 'text/markdown',
  buffer: Buffer.from(
    '# The lantern\n\nThe lantern of the lighthouse burns whale oil for fourteen hours.\n\n' +
      Array.from({ length: 40 }, (_, n) => `## Day ${n}\n\n${`On day ${n} the keeper writes of wind and waves. `.repeat(12)}`).join('\n\n') +
      '\n\n# The keeper\n\nThe keeper climbs two hundred stairs every evening.\n',
  ),
};

function text(name: string, words: string) {
  return { name, mimeType: 'text/plain', buffer: Buffer.from(words) };
}

let n = 0;

/** Opens the page and starts a collection of a name that no other test has. */
async function collection(page: Page): Promise<string> {
  // How many documents there are stands right behind it.
  const name = `Lighthouse no. ${++n} tower`;
  await open(page, '/documents');
  await page.getByTestId('new-collection').getByRole('textbox').fill(name);
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('collection-name')).toHaveText(name);
  // The page of the collection itself is there: what is dropped on the one before it would be lost.
  await expect(page).toHaveURL(/documents\?c=\d+/);
  return name;
}

async function ready(page: Page, n: number): Promise<void> {
  await expect(page.locator('[data-testid=document][data-state=ready]')).toHaveCount(n, { timeout: 30_000 });
}

async function find(page: Page, words: string): Promise<void> {
  await page.getByTestId('documents-search').fill(words);
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('found')).toBeVisible();
}

test('a document is added, found, and opened at the passage', async ({ page }) => {
  await collection(page);
  await page.getByTestId('add-files').setInputFiles([LANTERN]);
  await ready(page, 1);
  await find(page, 'How many stairs does the keeper climb?');
  const first = page.getByTestId('found-passage').first();
  await expect(first).toContainText('two hundred stairs');
  await expect(first.getByTestId('found-scores')).toContainText('Words');
  // What was looked for is in the address.
  await page.reload();
  await connected(page);
  await expect(page.getByTestId('documents-search')).toHaveValue('How many stairs does the keeper climb?');
  await expect(page.getByTestId('found-passage').first()).toContainText('two hundred stairs');

  await page.getByTestId('found-link').first().click();
  const marked = page.locator('[data-testid=passage][data-marked=true]').filter({ hasText: 'two hundred stairs' });
  await expect(marked).toBeInViewport();
  await expect(page.locator('[data-testid=passage][data-marked=false]').first()).toBeAttached();
  await expect(page.getByTestId('document-file')).toHaveAttribute('href', /\/files\/documents\/\d+/);
});

test('a person chooses which model puts what was found in order', async ({ page }) => {
  await collection(page);
  await page.getByTestId('add-files').setInputFiles([
    text('oil.txt', 'The keeper buys whale oil for the lantern in October.'),
    text('stairs.txt', 'The keeper climbs two hundred stairs to the lantern.'),
  ]);
  await ready(page, 2);
  const choice = page.getByTestId('rank-by');
  await expect(choice).toHaveValue('');
  const writer = await choice.locator('option').filter({ hasText: /SmolLM2/ }).first().getAttribute('value');
  await choice.selectOption(writer!);
  await expect(page.getByTestId('embedder')).toContainText(`${writer} reads the best`);
  try {
    await find(page, 'How many stairs does the keeper climb?');
    const first = page.getByTestId('found-passage').first();
    await expect(first).toContainText('two hundred stairs');
    await expect(first.getByTestId('found-scores')).toContainText('(place 1)');
    await expect(first.getByTestId('found-scores')).toContainText('ranked −');
  } finally {
    await page.getByTestId('rank-by').selectOption('');
    await expect(page.getByTestId('embedder')).not.toContainText('reads the best');
  }
});

test('a person chooses which model makes the vectors, and documents are given new ones', async ({ browser }) => {
  const dataDir = freshFolder();
  for (const name of ['first-minilm', 'other-minilm']) {
    cpSync(required('CHAOSENGINE_TEST_ENCODER'), join(dataDir, 'models', name), { recursive: true });
  }
  const server = await Server.start({ model: 'none', dataDir });
  const context = await browser.newContext({ baseURL: server.address, locale: 'en-GB' });
  try {
    const page = await context.newPage();
    const errors = watchErrors(page);
    await collection(page);
    await page.getByTestId('add-files').setInputFiles([
      text('oil.txt', 'The keeper buys whale oil for the lantern in October.'),
      text('stairs.txt', 'The keeper climbs two hundred stairs to the lantern.'),
    ]);
    await ready(page, 2);
    const [choice, notice] = [page.getByTestId('embed-with'), page.getByTestId('embedder')];
    const made = async (model: string, question: string) => {
      await expect(notice).toContainText(`are compared; ${model} makes the vectors`);
      await ready(page, 2);
      await find(page, question);
      const first = page.getByTestId('found-passage').first();
      await expect(first).toContainText('two hundred stairs');
      await expect(first.getByTestId('found-scores')).toContainText('Meaning');
    };
    await expect(choice).toHaveValue('');
    await made('first-minilm', 'How many steps are there?');
    await choice.selectOption('other-minilm');
    await made('other-minilm', 'How tiring is it to go up?');
    await accessible(page);
    await page.reload();
    await connected(page);
    await expect(choice).toHaveValue('other-minilm');
    await expect(notice).toContainText('other-minilm makes the vectors');
    await choice.selectOption('');
    await expect(notice).toContainText('first-minilm makes the vectors');
    expect(errors).toEqual([]);
    await page.goto('about:blank');
  } finally {
    await context.close();
    await server.stop();
  }
});

test('files are dropped, and one that is there already or cannot be read says so', async ({ page }) => {
  await collection(page);
  await page.getByTestId('drop').evaluate(area => {
    const data = new DataTransfer();
    data.items.add(new File(['The lantern burns.'], 'a.txt', { type: 'text/plain' }));
    data.items.add(new File(['GIF89a\u0001\u0000'], 'report.pdf', { type: 'application/pdf' }));
    area.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data }));
  });
  await ready(page, 1);
  const failed = page.locator('[data-testid=document][data-state=failed]');
  await expect(failed).toContainText('only read by a model that looks at images');
  await page.getByTestId('add-files').setInputFiles([text('b.txt', 'The lantern burns.')]);
  await expect(page.getByTestId('toast')).toContainText('already, as “a.txt”');
  await expect(page.getByTestId('document')).toHaveCount(2);
});

test('a PDF is opened at the page, and one without text or with a password says why it was not read', async ({ page }) => {
  await collection(page);
  const file = (name: string, buffer: Buffer) => ({ name, mimeType: 'application/pdf', buffer });
  const pages = ['The lantern burns whale oil.', 'The keeper climbs two hundred stairs.'];
  await page.getByTestId('add-files').setInputFiles([
    file('book.pdf', pdf(pages)),
    file('scan.pdf', pdf(['', ''])),
    file('locked.pdf', pdf(pages, true)),
  ]);
  await ready(page, 1);
  const failed = page.locator('[data-testid=document][data-state=failed]');
  await expect(failed.filter({ hasText: 'scan.pdf' })).toContainText('2 pages that are pictures without text');
  await expect(failed.filter({ hasText: 'locked.pdf' })).toContainText('save it without a password');
  await expect(failed).toHaveCount(2);
  await find(page, 'How many stairs does the keeper climb?');
  await expect(page.getByTestId('found-passage').first()).toContainText('Page 2');
  await page.getByTestId('found-link').first().click();
  await expect(page.locator('[data-testid=passage][data-marked=true]')).toHaveText(/Page 2\s*The keeper climbs two hundred stairs/);
  await expect(page.getByTestId('document-file')).toHaveAttribute('href', /\/files\/documents\/\d+#page=2$/);
});

test('what would fill the memory is refused, and a file that is gone from the disk leaves its text', async ({ page, server }) => {
  const words = 'The keeper of the bomb shelter climbs ninety stairs.';
  await collection(page);
  await page.getByTestId('add-files').setInputFiles([
    { name: 'large.docx', mimeType: 'application/octet-stream', buffer: bomb(310_000_000) },
    text('stairs.txt', words),
  ]);
  await ready(page, 1);
  await expect(page.locator('[data-testid=document][data-state=failed]')).toContainText('large.docx');
  await expect(page.getByTestId('document-error')).toContainText('300 MB');
  const folder = join(server.dataDir, 'documents');
  const kept = readdirSync(folder).map(name => join(folder, name));
  kept.filter(path => statSync(path).size === words.length && readFileSync(path, 'utf8') === words).forEach(path => rmSync(path));
  await find(page, 'ninety stairs of the bomb shelter');
  await page.getByTestId('found-link').first().click();
  await expect(page.getByTestId('document-file-gone')).toBeVisible();
  await expect(page.locator('[data-testid=passage][data-marked=true]')).toContainText('ninety stairs');
  await accessible(page);
});

test('deleting can be undone, for a document and for a collection', async ({ page }) => {
  const name = await collection(page);
  await page.getByTestId('add-files').setInputFiles([text('a.txt', 'The lantern burns.')]);
  await ready(page, 1);
  await page.getByTestId('document-delete').click();
  await expect(page.getByTestId('document')).toHaveCount(0);
  await page.getByTestId('toast-action').click();
  await ready(page, 1);
  await page.getByTestId('collection-delete').click();
  await expect(page.getByTestId('collection').filter({ hasText: name })).toHaveCount(0);
  await page.getByTestId('toast-action').last().click();
  await expect(page.getByTestId('collection-name')).toHaveText(name);
  await ready(page, 1);
});

test.describe('what is refused', () => {
  test.use({ expectedErrors: [/status of 422/] });

  test('a name that is taken', async ({ page }) => {
    const name = await collection(page);
    await page.getByTestId('new-collection').getByRole('textbox').fill(name);
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('toast')).toContainText('already');
    // What was typed is still there.
    await expect(page.getByTestId('new-collection').getByRole('textbox')).toHaveValue(name);
  });
});

test('a collection is renamed', async ({ page }) => {
  const name = await collection(page);
  await page.getByTestId('collection-rename').click();
  await page.getByRole('textbox', { name: 'Name of the collection' }).fill(`${name} again`);
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('collection-name')).toHaveText(`${name} again`);
});

test('names and texts are shown and never run', async ({ page }) => {
  await collection(page);
  const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script> lantern';
  await page.getByTestId('add-files').setInputFiles([text('<img src=x onerror=alert(1)>.txt', evil)]);
  await ready(page, 1);
  await find(page, 'lantern');
  await expect(page.getByTestId('found-passage')).toContainText('<script>document.title=2</script>');
  await page.getByTestId('found-link').click();
  await expect(page.getByTestId('reader')).toContainText('onerror="document.title=1"');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('<img src=x onerror=alert(1)>.txt');
  expect(await page.title()).toContain('<img src=x');
});

test('a chat looks into a collection, and its answer shows what it was given', async ({ page }) => {
  const name = await collection(page);
  await page.getByTestId('add-files').setInputFiles([LANTERN]);
  await ready(page, 1);
  await page.getByTestId('chat-about').click();
  await expect(page).toHaveURL(/\/chat\/\d+/);
  await expect(page.getByTestId('chat-documents-n')).toHaveText('1');
  await send(page, 'How many stairs does the keeper climb?');
  await answered(page);
  const sources = lastAnswer(page).getByTestId('sources');
  await sources.locator('summary').click();
  await expect(sources.getByTestId('source').filter({ hasText: 'two hundred stairs' })).toHaveCount(1);
  // What else there is is looked for where that is from.
  await expect(sources.getByTestId('sources-others')).toHaveAttribute('href', /^\/documents\?c=\d+&q=How/);
  await accessible(page);
  await page.reload();
  await connected(page);
  await sources.locator('summary').click();
  await sources.getByTestId('source').filter({ hasText: 'two hundred stairs' }).getByTestId('source-link').click();
  await expect(page.locator('[data-marked=true]').filter({ hasText: 'two hundred stairs' })).toBeVisible();

  await page.goBack();
  await page.getByTestId('chat-documents').click();
  const choice = page.locator('label').filter({ hasText: name }).getByTestId('chat-collection');
  await expect(choice).toBeChecked();
  await choice.uncheck();
  await expect(page.getByTestId('chat-documents-n')).toHaveText('');
  await page.keyboard.press('Escape');
  await send(page, 'Say hello.');
  await answered(page);
  await expect(lastAnswer(page).getByTestId('sources')).toHaveCount(0);
});

test('choosing documents for a new chat keeps what is being written', async ({ page }) => {
  const name = await collection(page);
  await open(page, '/chat');
  await composer(page).fill('How many stairs');
  await page.getByTestId('chat-documents').click();
  await page.locator('label').filter({ hasText: name }).getByTestId('chat-collection').click();
  await expect(page).toHaveURL(/\/chat\/\d+/);
  await expect(composer(page)).toHaveValue('How many stairs');
  await expect(page.getByTestId('chat-documents-n')).toHaveText('1');
});

test('the palette and the sidebar go to documents', async ({ page }) => {
  await open(page, '/chat');
  await page.keyboard.press('Control+k');
  await page.getByTestId('palette').getByRole('combobox').fill('documents');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/documents/);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Documents');
});

test.describe('without scripting', () => {
  test.use({ javaScriptEnabled: false });

  test('documents are found and read', async ({ page, server }) => {
    const reply = await page.request.get(`${server.address}/documents?q=lantern`);
    expect(reply.ok()).toBe(true);
    await page.goto('/documents');
    await expect(page.getByTestId('documents-page')).toBeVisible();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Documents');
  });
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [name, width, height] of [['desktop', 1440, 900], ['phone', 390, 844]] as const) {
    test(`documents are accessible: ${colorScheme}, ${name}`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await open(page, '/documents');
      await accessible(page);
      await collection(page);
      await accessible(page);
      await page.getByTestId('add-files').setInputFiles([LANTERN, text('broken.pdf', '%PDF-1.4 nothing')]);
      await ready(page, 1);
      await expect(page.locator('[data-state=failed]')).toBeVisible();
      await accessible(page);
      await find(page, 'How many stairs does the keeper climb?');
      await accessible(page);
      await shoot(page, `documents-${colorScheme}-${name}`);
      await page.getByTestId('found-link').first().click();
      await expect(page.locator('[data-marked=true]').first()).toBeVisible();
      await accessible(page);
      await shoot(page, `reader-${colorScheme}-${name}`);
    });
  }
}

/** For whoever looks at it; only where a folder for pictures is named. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env.CHAOSENGINE_SHOTS;
  if (folder) {
    writeFileSync(join(folder, `${name}.png`), await page.screenshot());
  }
}

test('a folder of files is added at once', async ({ page }) => {
  const name = await collection(page);
  const folder = freshFolder();
  const files = Array.from({ length: 12 }, (_, n) => {
    const file = join(folder, `${n}.txt`);
    writeFileSync(file, `Number ${n} of the lantern.`);
    return file;
  });
  await page.getByTestId('add-files').setInputFiles(files);
  await ready(page, 12);
  await expect(page.getByTestId('collection').filter({ hasText: name })).toContainText('12');
});

test('files that were added arrive also after their page was left', async ({ page }) => {
  await collection(page);
  // So slow that most are still to be sent when the page is left.
  await page.route(/\/files\/documents\?collection=/, async route => {
    await new Promise(done => setTimeout(done, 300));
    await route.continue();
  });
  const files = Array.from({ length: 6 }, (_, n) => text(`${n}.txt`, `Number ${n} of the lantern.`));
  await page.getByTestId('add-files').setInputFiles(files);
  await expect(page.getByTestId('uploading')).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(/documents$/);
  await page.goForward();
  await expect(page).toHaveURL(/documents\?c=\d+/);
  await ready(page, 6);
});

test('as long as files are being sent, the browser asks before the page is closed', async ({ page }) => {
  await collection(page);
  const asks = () => page.evaluate(() => !window.dispatchEvent(new Event('beforeunload', { cancelable: true })));
  await page.route(/\/files\/documents\?collection=/, async route => {
    await new Promise(done => setTimeout(done, 1000));
    await route.continue();
  });
  expect(await asks()).toBe(false);
  await page.getByTestId('add-files').setInputFiles([text('a.txt', 'Of the lantern.')]);
  await expect(page.getByTestId('uploading')).toBeVisible();
  expect(await asks()).toBe(true);
  await ready(page, 1);
  await expect.poll(asks).toBe(false);
});

test.describe('a folder is followed', () => {
  // The path that is none.
  test.use({ expectedErrors: [/status of 422/] });

  test('what is there and what comes later is read by itself', async ({ page }) => {
    await collection(page);
    const folder = freshFolder();
    writeFileSync(join(folder, 'first.txt'), 'The first lantern burns whale oil.');
    await page.getByTestId('folder-open').click();
    await page.getByTestId('folder-field').fill('nowhere');
    await page.getByTestId('folder-follow').click();
    await expect(page.getByTestId('toast')).toBeVisible();
    await page.getByTestId('folder-field').fill(folder);
    await page.getByTestId('folder-follow').click();
    await expect(page.getByTestId('folder-path')).toHaveText(folder);
    await ready(page, 1);
    await accessible(page);

    writeFileSync(join(folder, 'second.txt'), 'The second lantern burns gas.');
    await ready(page, 2);
    await expect(page.getByTestId('folder-state')).toContainText('2 files');
    // Looking for the same words once more finds what has come since.
    await find(page, 'electric');
    await expect(page.getByTestId('found-passage').filter({ hasText: 'electric now' })).toHaveCount(0);
    writeFileSync(join(folder, 'second.txt'), 'The second lantern is electric now.');
    await expect(async () => {
      await find(page, 'electric');
      await expect(page.getByTestId('found-passage').first()).toContainText('electric now', { timeout: 2_000 });
    }).toPass({ timeout: 30_000 });
  });
});
