// The pictures of the README, of pages with something on them that a person could have there.

import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from '@playwright/test';
import { freshFolder, required, Server } from '../support/server';
import { composer, connected, expect, open, test } from '../support/test';

const DOCS = join(import.meta.dirname, '..', '..', 'docs');

const QUESTION = 'What does a loan of 200,000 at 3.6 % over 20 years cost a month? And if we took 15 or 25?';
const BEGINNING = 'I will work it out.\n\n';
const ANSWER = `${BEGINNING}A loan of 200,000 at 3.6 % over 20 years costs **1,170.22 a month**:

$$M = P\\,\\frac{r(1+r)^n}{(1+r)^n-1}, \\qquad r = \\frac{0.036}{12},\\; n = 240$$

| years | monthly | interest in all |
|---:|---:|---:|
| 15 | 1,439.6 | 59,128 |
| 20 | 1,170.2 | 80,853 |
| 25 | 1,012.0 | 103,600 |

\`\`\`python
def monthly(principal, rate, years):
    r, n = rate / 12, years * 12
    return principal * r * (1 + r) ** n / ((1 + r) ** n - 1)
\`\`\`

Five years more save 158 a month and cost 22,700 in the end.
`;

const CALL = {
  text_before: Buffer.byteLength(BEGINNING),
  name: 'calculator',
  arguments: '{"expression":"200000*0.003*1.003^240/(1.003^240-1)"}',
  result: '1170.2195',
  shown: '1170.2195',
  duration_ms: 2,
};

const OTHERS = [
  'Week plan for the kids',
  'Why does tokio spawn_blocking starve?',
  'Names for a lighthouse',
  'Bread with a poolish',
];

function chats() {
  const chat = (title: string, n: number, question: string, answer: string, more: object, calls: object[]) => ({
    title,
    updated_ms: n,
    created_ms: n,
    shown: 1,
    ...more,
    turns: [
      { parent: null, role: 'user', text: question, created_ms: n },
      { parent: 0, role: 'assistant', text: answer, created_ms: n, calls },
    ],
  });
  const others = OTHERS.map((title, n) => chat(title, n + 1, title, 'Gladly.', {}, []));
  const shown = chat('What a mortgage costs', OTHERS.length + 1, QUESTION, ANSWER, { pinned: true }, [CALL]);
  return { format: 'chaosengine-chats', version: 1, chats: [...others, shown] };
}

/** Opens a page of a server with a model and an encoder, and takes its picture. */
async function picture(
  browser: Browser,
  name: string,
  colorScheme: 'light' | 'dark',
  arrange: (page: Page) => Promise<void>,
): Promise<void> {
  const dataDir = freshFolder();
  const folder = join(dataDir, 'models', 'all-MiniLM-L6-v2');
  mkdirSync(folder, { recursive: true });
  cpSync(required('CHAOSENGINE_TEST_ENCODER'), folder, { recursive: true });
  const server = await (await Server.start({ dataDir })).ready();
  const context = await browser.newContext({
    baseURL: server.address,
    colorScheme,
    locale: 'en-GB',
    viewport: { width: 1440, height: 900 },
  });
  const page = await context.newPage();
  await arrange(page);
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(DOCS, 'screenshots', `${name}-${colorScheme}.png`) });
  await context.close();
  await server.stop();
}

test('a chat', async ({ browser }) => {
  await picture(browser, 'chat', 'light', async page => {
    await open(page, '/chats');
    const buffer = Buffer.from(JSON.stringify(chats()));
    await page.getByTestId('import').setInputFiles([{ name: 'chats.json', mimeType: 'application/json', buffer }]);
    await expect(page.getByTestId('import-outcome')).toContainText('5 chats');
    await open(page, '/chats');
    await page.getByTestId('chat').filter({ hasText: 'What a mortgage costs' }).getByRole('link').first().click();
    await connected(page);
    await expect(page.getByTestId('call')).toBeVisible();
    await composer(page).fill('And what if the rate goes up to 4.2 % after ten years?');
    await expect(page.getByTestId('context')).toContainText('tokens');
  });
});

test('documents', async ({ browser }) => {
  await picture(browser, 'documents', 'dark', async page => {
    await open(page, '/documents');
    await page.getByTestId('new-collection').getByRole('textbox').fill('Manuals');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('collection-name')).toHaveText('Manuals');
    const manuals = readdirSync(DOCS).filter(name => name.endsWith('.md'));
    await page.getByTestId('add-files').setInputFiles(manuals.map(name => join(DOCS, name)));
    const ready = page.locator('[data-testid=document][data-state=ready]');
    await expect(ready).toHaveCount(manuals.length, { timeout: 60_000 });
    await page.getByTestId('documents-search').fill('Which picture formats can be uploaded?');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('found')).toBeVisible();
  });
});

test('models to fetch', async ({ browser }) => {
  await picture(browser, 'discover', 'light', async page => {
    await open(page, '/discover');
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  });
});
