// All chats: folders, tags, the archive, duplicates, forks, export and import.

import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { Server } from '../support/server';
import { accessible, answered, answers, connected, expect, lastAnswer, LONG, open, send, sendAndStop, SHORT, test, textOf } from '../support/test';

async function newChat(page: Page, text: string): Promise<void> {
  await page.goto('/chat');
  await connected(page);
  await sendAndStop(page, text);
  await expect(page).toHaveURL(/\/chat\/.+/);
}

function row(page: Page, title: string) {
  return page.getByTestId('chat').filter({ hasText: title });
}

async function bring(page: Page, chats: unknown): Promise<void> {
  const buffer = Buffer.from(typeof chats === 'string' ? chats : JSON.stringify(chats));
  await page.getByTestId('import').setInputFiles([{ name: 'chats.json', mimeType: 'application/json', buffer }]);
}

/** A file of ours with one chat of two turns. */
function file(title: string, question: string, answer: string) {
  const turns = [
    { parent: null, role: 'user', text: question, created_ms: 1 },
    { parent: 0, role: 'assistant', text: answer, created_ms: 2 },
  ];
  return { format: 'chaosengine-chats', version: 1, chats: [{ title, shown: 1, turns }] };
}

/** A file of the browser's that holds a chat in this form. */
async function saved(page: Page, title: string, form: string): Promise<string> {
  await row(page, title).getByTestId('chat-export').locator('summary').click();
  const download = page.waitForEvent('download');
  await row(page, title).getByRole('link', { name: form }).click();
  const text = readFileSync(await (await download).path(), 'utf8');
  await row(page, title).getByTestId('chat-export').locator('summary').click();
  return text;
}

/** In seconds. */
const NOW = Math.floor(Date.now() / 1000);

/** The same talk as other programs write it down: an answer in two versions, the second after a thought. */
const OPEN_WEBUI = [
  {
    title: 'Tea of Open WebUI',
    created_at: NOW,
    updated_at: NOW,
    meta: { tags: ['tea'] },
    chat: {
      history: {
        currentId: 'c',
        messages: {
          a: { id: 'a', parentId: null, role: 'user', content: 'How long? <script>alert(1)</script>', timestamp: NOW },
          b: { id: 'b', parentId: 'a', role: 'assistant', model: 'leaf:2b', content: 'Three.', timestamp: NOW },
          c: {
            id: 'c',
            parentId: 'a',
            role: 'assistant',
            model: 'leaf:1b',
            timestamp: NOW,
            content: '<details type="reasoning" done="true">\n<summary>Thought</summary>\n> Black.\n</details>\nFour.',
          },
        },
      },
    },
  },
];

const LM_STUDIO = {
  name: 'Tea of LM Studio',
  createdAt: 1000 * NOW,
  messages: [
    { versions: [{ type: 'singleStep', role: 'user', content: [{ type: 'text', text: 'How long?' }] }], currentlySelected: 0 },
    {
      versions: [
        { type: 'singleStep', role: 'assistant', content: [{ type: 'text', text: 'Three.' }] },
        {
          type: 'multiStep',
          role: 'assistant',
          senderInfo: { senderName: 'leaf:1b' },
          steps: [
            { type: 'contentBlock', style: { type: 'thinking' }, content: [{ type: 'text', text: 'Black.' }] },
            { type: 'contentBlock', content: [{ type: 'text', text: 'Four.' }] },
          ],
        },
      ],
      currentlySelected: 1,
    },
  ],
};

function chatGptNode(parent: string | null, role: string, content: object) {
  return { parent, message: { author: { role }, recipient: 'all', metadata: { model_slug: 'leaf:1b' }, content } };
}

const CHAT_GPT = [
  {
    title: 'Tea of ChatGPT',
    create_time: NOW,
    update_time: NOW,
    current_node: 'd',
    mapping: {
      root: { parent: null, message: null },
      a: chatGptNode('root', 'user', { content_type: 'text', parts: ['How long?'] }),
      b: chatGptNode('a', 'assistant', { content_type: 'text', parts: ['Three.'] }),
      c: chatGptNode('a', 'assistant', { content_type: 'thoughts', thoughts: [{ content: 'Black.' }] }),
      d: chatGptNode('c', 'assistant', { content_type: 'text', parts: ['Four.'] }),
    },
  },
];

test('chats are filed in folders, which keep the order they are dragged into', async ({ page }) => {
  await open(page, '/chats');
  await bring(page, file('Okapi notes', 'Where do okapis live?', 'In forests.'));
  await connected(page);
  await expect(page.getByTestId('import-outcome')).toContainText('1 chats were taken over');
  for (const name of ['Animals', 'Plants']) {
    await page.getByTestId('folder-new').fill(name);
    await page.getByTestId('folder-new').press('Enter');
    await expect(page.getByTestId('folder').filter({ hasText: name })).toBeVisible();
  }
  await row(page, 'Okapi notes').getByTestId('chat-folder').selectOption('Animals');
  const folders = page.getByTestId('folder');
  await expect(folders.filter({ hasText: 'Animals' })).toContainText('1');
  await folders.filter({ hasText: 'Plants' }).dragTo(folders.filter({ hasText: 'Animals' }));
  await expect(folders.first()).toContainText('Plants');
  await page.reload();
  await connected(page);
  await expect(folders.first()).toContainText('Plants');
  await folders.filter({ hasText: 'Plants' }).getByRole('link').click();
  await expect(page).toHaveURL(/folder=/);
  await expect(row(page, 'Okapi notes')).toHaveCount(0);
  await folders.filter({ hasText: 'Animals' }).getByRole('link').click();
  await expect(row(page, 'Okapi notes')).toBeVisible();
  // What models are told first in this folder, also in the setup of its chats.
  await page.getByTestId('folder-prompt').locator('summary').click();
  await page.getByTestId('folder-prompt-text').fill('Answer like a zoo keeper.');
  await page.getByTestId('folder-prompt-save').click();
  await expect(page.getByTestId('folder-prompt')).toHaveAttribute('open');
  await page.reload();
  await connected(page);
  await expect(page.getByTestId('folder-prompt-text')).toHaveValue('Answer like a zoo keeper.');

  // By keyboard, and with another name; what is in a folder stays when it goes.
  await page.getByTestId('folders-edit').click();
  await page.getByTestId('folder-up').last().click();
  await expect(page.getByTestId('folder-name').first()).toHaveValue('Animals');
  await page.getByTestId('folder-delete').first().click();
  await expect(page.getByTestId('folder-delete-dialog').filter({ visible: true })).toContainText('is deleted with it');
  await page.getByTestId('folder-delete-yes').click();
  await expect(folders).toHaveCount(1);
  await open(page, '/chats');
  await expect(row(page, 'Okapi notes')).toBeVisible();
});

test('what a folder tells first reaches the model in its chats, whose answers tell what they cost, and whose file has them', async ({ page }) => {
  await open(page, '/chats');
  await bring(page, file('Seal notes', 'Where do seals rest?', 'On **rocks**.'));
  await connected(page);
  await expect(page.getByTestId('import-outcome')).toContainText('1 chats were taken over');
  await page.getByTestId('folder-new').fill('Seals');
  await page.getByTestId('folder-new').press('Enter');
  await row(page, 'Seal notes').getByTestId('chat-folder').selectOption('Seals');
  const folder = page.getByTestId('folder').filter({ hasText: 'Seals' });
  await expect(folder).toContainText('1');
  await folder.getByRole('link').click();
  await page.getByTestId('folder-prompt').locator('summary').click();
  await page.getByTestId('folder-prompt-text').fill('Answer as a seal does.');
  await page.getByTestId('folder-prompt-save').click();
  await page.reload();
  await expect(page.getByTestId('folder-prompt-text')).toHaveValue('Answer as a seal does.');

  await row(page, 'Seal notes').getByRole('link', { name: 'Seal notes' }).click();
  await connected(page);
  for (const n of [2, 3]) {
    await send(page, SHORT);
    await expect(answers(page)).toHaveCount(n);
    await answered(page);
  }
  const said = await textOf(lastAnswer(page)).innerText();
  const figures = await lastAnswer(page).getByTestId('usage').innerText();
  const figure = (words: RegExp) => Number(words.exec(figures)?.[1]);
  expect(figure(/([\d.]+) tok\/s/), figures).toBeGreaterThan(0.1);
  expect(figure(/first token after ([\d.]+) m?s/), figures).toBeGreaterThan(0);
  expect(figure(/written in ([\d.]+) m?s/), figures).toBeGreaterThan(0);
  // An answer of so many letters cannot be made of more tokens than that.
  expect(figure(/ (\d+) tokens? /), figures).toBeGreaterThan(0);
  expect(figure(/ (\d+) tokens? /), figures).toBeLessThanOrEqual(said.length + 1);
  expect(figure(/(\d+) of it cached/), figures).toBeGreaterThan(40);
  expect(figure(/(\d+) of it cached/), figures).toBeLessThan(figure(/(\d+) in the prompt/));

  await lastAnswer(page).getByTestId('saw-link').click();
  await expect(page.getByTestId('saw')).toContainText('Answer as a seal does.');
  await expect(page.getByTestId('saw')).toContainText('Where do seals rest?');
  await open(page, '/chats');
  const markdown = await saved(page, 'Seal notes', 'Markdown');
  expect(markdown).toMatch(/^# Seal notes\n/);
  expect(markdown).toContain('Where do seals rest?');
  expect(markdown).toContain('On **rocks**.');
  expect(markdown.split(SHORT)).toHaveLength(3);
  expect(markdown.indexOf('On **rocks**.')).toBeLessThan(markdown.indexOf(SHORT));

  // Chats outside are told nothing of it.
  await newChat(page, LONG);
  await lastAnswer(page).getByTestId('saw-link').click();
  await expect(page.getByTestId('saw')).toContainText(LONG);
  await expect(page.getByTestId('saw')).not.toContainText('as a seal does');
});

test('a chat is dragged onto a folder, and out of it again', async ({ page }) => {
  await open(page, '/chats');
  await bring(page, file('Puffin notes', 'Where do puffins nest?', 'In burrows.'));
  await connected(page);
  await expect(page.getByTestId('import-outcome')).toContainText('1 chats were taken over');
  await page.getByTestId('folder-new').fill('Birds');
  await page.getByTestId('folder-new').press('Enter');
  const folder = page.getByTestId('folder').filter({ hasText: 'Birds' });
  const all = page.getByTestId('folder-none');
  await expect(folder).toBeVisible();

  // While it is dragged, what could take it says so, and what would do nothing with it does not.
  const title = row(page, 'Puffin notes').getByRole('link').first();
  await title.hover();
  await page.mouse.down();
  await folder.hover();
  await folder.hover();
  await expect(folder).toHaveClass(/drop-here/);
  await expect(all).not.toHaveClass(/drop-possible/);
  await page.mouse.up();
  await expect(folder).not.toHaveClass(/drop-(here|possible)/);
  await expect(folder).toContainText('1');
  await expect(row(page, 'Puffin notes').getByTestId('chat-folder')).toHaveValue(/\d+/);

  await folder.getByRole('link').click();
  await expect(page).toHaveURL(/folder=/);
  await connected(page);
  await row(page, 'Puffin notes').dragTo(all);
  await expect(row(page, 'Puffin notes')).toHaveCount(0);
  await expect(folder).toContainText('0');
  await all.getByRole('link').click();
  await expect(row(page, 'Puffin notes').getByTestId('chat-folder')).toHaveValue('');
});

test('a folder that was deleted comes back with its chats, its place and what it tells models first', async ({ page }) => {
  await open(page, '/chats');
  await bring(page, file('Gannet notes', 'Where do gannets dive?', 'Off cliffs.'));
  await connected(page);
  await expect(page.getByTestId('import-outcome')).toContainText('1 chats were taken over');
  const folders = page.getByTestId('folder');
  for (const name of ['Divers', 'Waders']) {
    await page.getByTestId('folder-new').fill(name);
    await page.getByTestId('folder-new').press('Enter');
    await expect(folders.filter({ hasText: name })).toBeVisible();
  }
  await row(page, 'Gannet notes').getByTestId('chat-folder').selectOption('Divers');
  const divers = folders.filter({ hasText: 'Divers' });
  await expect(divers).toContainText('1');
  await divers.getByRole('link').click();
  await expect(page).toHaveURL(/folder=/);
  const address = page.url();
  await page.getByTestId('folder-prompt').locator('summary').click();
  await page.getByTestId('folder-prompt-text').fill('Answer as a gannet does.');
  await page.getByTestId('folder-prompt-save').click();
  await open(page, '/chats');
  const before = await folders.allTextContents();

  await page.getByTestId('folders-edit').click();
  const n = await folders.count();
  const editor = folders.nth(before.findIndex(name => name.includes('Divers')));
  await editor.getByTestId('folder-delete').click();
  await page.getByTestId('folder-delete-yes').filter({ visible: true }).click();
  await expect(folders).toHaveCount(n - 1);
  await expect(row(page, 'Gannet notes').getByTestId('chat-folder')).toHaveValue('');
  await page.getByTestId('toast-action').click();
  await expect(folders).toHaveCount(n);
  await page.getByTestId('folders-edit').click();
  await expect(folders).toHaveText(before);
  await expect(row(page, 'Gannet notes').getByTestId('chat-folder')).toHaveValue(/\d+/);

  await page.goto(address);
  await expect(row(page, 'Gannet notes')).toBeVisible();
  await expect(page.getByTestId('folder-prompt-text')).toHaveValue('Answer as a gannet does.');
});

test('words find chats by what was said, with the place, and tags narrow the list', async ({ page }) => {
  await open(page, '/chats');
  await bring(page, file('Notes on axolotls', 'What is neoteny?', 'Axolotls keep their gills: <b>neoteny</b>.'));
  await connected(page);
  await page.getByTestId('chats-search').fill('gills');
  await page.getByTestId('chats-search').press('Enter');
  await expect(page).toHaveURL(/q=gills/);
  await expect(row(page, 'axolotls').getByTestId('hit').locator('mark')).toHaveText('gills');
  await expect(row(page, 'axolotls').getByTestId('hit')).toContainText('<b>neoteny</b>');
  await connected(page);
  await row(page, 'axolotls').getByTestId('chat-tags').click();
  await page.getByTestId('chat-tag-words').fill('Biology, water ,biology');
  await page.getByTestId('chat-tag-words').press('Enter');
  await expect(row(page, 'axolotls').getByRole('link', { name: 'biology' })).toHaveCount(1);
  await page.getByTestId('tags').getByRole('link', { name: 'water' }).click();
  await expect(page).toHaveURL(/tag=water/);
  await expect(page.getByTestId('chat')).toHaveCount(1);
  await accessible(page);
});

test('tags that are being written stay when they are refused, and when chats change elsewhere', async ({
  page,
  context,
  expectedErrors,
}) => {
  expectedErrors.push(/status of 422/);
  await open(page, '/chats');
  await bring(page, file('Notes on newts', 'What is a newt?', 'An amphibian.'));
  await connected(page);
  await row(page, 'newts').getByTestId('chat-tags').click();
  const words = page.getByTestId('chat-tag-words');
  const tooMany = Array.from({ length: 21 }, (_, n) => `newt ${n}`).join(', ');
  await words.fill(tooMany);
  await words.press('Enter');
  await expect(page.getByTestId('toast')).toContainText('21 tags');
  const other = await context.newPage();
  await open(other, '/chats');
  await bring(other, file('Notes on toads', 'What is a toad?', 'An amphibian, too.'));
  await expect(row(page, 'toads')).toBeVisible();
  await expect(words).toHaveValue(tooMany);
  await words.fill('pond');
  await words.press('Enter');
  await expect(words).toHaveCount(0);
  await expect(row(page, 'newts').getByRole('link', { name: 'pond' })).toHaveCount(1);
});

test('a chat in the archive is in no list but its own, and comes back', async ({ page }) => {
  await open(page, '/chats');
  await bring(page, file('Old plans', 'Plans?', 'Old ones.'));
  await connected(page);
  await row(page, 'Old plans').getByTestId('chat-archive').click();
  await expect(row(page, 'Old plans')).toHaveCount(0);
  await expect(page.getByTestId('session').filter({ hasText: 'Old plans' })).toHaveCount(0);
  await open(page, '/chats?archived=1');
  // What is searched there is the archive.
  await page.getByTestId('chats-search').fill('old PLANS');
  await page.getByTestId('chats-search').press('Enter');
  await expect(page).toHaveURL(/archived=1&q=old/);
  await connected(page);
  await expect(row(page, 'Old plans').locator('mark')).toHaveText('Old plans');
  await row(page, 'Old plans').getByTestId('chat-archive').click();
  await expect(row(page, 'Old plans')).toHaveCount(0);
  await open(page, '/chats');
  await expect(row(page, 'Old plans')).toBeVisible();
  await row(page, 'Old plans').getByTestId('chat-duplicate').click();
  await expect(row(page, 'Old plans')).toHaveCount(2);
  await row(page, 'Old plans').first().getByTestId('chat-delete').click();
  await expect(row(page, 'Old plans')).toHaveCount(1);
  await page.getByTestId('toast-action').click();
  await expect(row(page, 'Old plans')).toHaveCount(2);
});

test('a fork goes on from a message in a chat of its own and says where it is from', async ({ page }) => {
  await newChat(page, 'Tell me of capybaras');
  await sendAndStop(page, 'And of their neighbours');
  await expect(answers(page)).toHaveCount(2);
  const first = page.url();
  await answers(page).first().getByTestId('fork').click();
  await expect(page).not.toHaveURL(first);
  await expect(answers(page)).toHaveCount(1);
  await expect(page.locator('[data-role=user]')).toHaveText(/capybaras/);
  await page.getByTestId('forked-from').getByRole('link').click();
  await expect(page).toHaveURL(first);
  await expect(answers(page)).toHaveCount(2);
});

test('a large file is taken over as a job that says how far it is and can be stopped', async ({ page }) => {
  const N_CHATS = 15_000;
  const turns = [{ parent: null, role: 'user', text: 'Which number?', created_ms: 1 }];
  const chats = Array.from({ length: N_CHATS }, (_, n) => ({ title: `Heap ${n}`, archived: true, updated_ms: n + 1, shown: 0, turns }));
  await open(page, '/chats');
  await bring(page, { format: 'chaosengine-chats', version: 1, chats });
  await expect(page).toHaveURL(/import=\d+/);
  await connected(page);
  const outcome = page.getByTestId('import-outcome');
  await expect(outcome).toContainText(/taken over from chats\.json, [1-9]\d* so far/);
  await page.getByTestId('jobs-button').click();
  const job = page.getByTestId('job').filter({ hasText: 'chats.json' }).first();
  await expect(job).toHaveAttribute('data-state', 'running');
  await expect(job).toContainText(/\d+ %/);
  await job.getByRole('button').click();
  await expect(job).toHaveAttribute('data-state', 'cancelled');
  await page.keyboard.press('Escape');
  await expect(outcome).toContainText(/stopped\. [1-9]\d* chats were taken over/);
  await accessible(page);
});

test('chats of other programs are taken over with versions, thoughts and models, and written in every form', async ({ page }) => {
  await open(page, '/chats');
  const files = { 'Tea of Open WebUI': OPEN_WEBUI, 'Tea of LM Studio': LM_STUDIO, 'Tea of ChatGPT': CHAT_GPT };
  for (const [title, chats] of Object.entries(files)) {
    await bring(page, chats);
    await expect(row(page, title)).toBeVisible();
    await connected(page);
    await row(page, title).getByRole('link', { name: title }).click();
    await expect(page.locator('[data-role=user]')).toHaveText(/How long\?/);
    await expect(textOf(lastAnswer(page))).toHaveText('Four.');
    await expect(lastAnswer(page).getByTestId('usage')).toContainText('leaf:1b');
    await expect(page.getByTestId('variants')).toContainText('2 of 2');
    await lastAnswer(page).getByTestId('thought-summary').click();
    await expect(lastAnswer(page).getByTestId('thought-text')).toHaveText('Black.');
    await page.getByTestId('variant-previous').click();
    await expect(textOf(lastAnswer(page))).toHaveText('Three.');
    await page.getByTestId('variant-next').click();
    await expect(textOf(lastAnswer(page))).toHaveText('Four.');
    await open(page, '/chats');
  }

  const html = await saved(page, 'Tea of Open WebUI', 'HTML');
  expect(html).toContain('How long? &lt;script&gt;');
  expect(html).toContain('Four.');
  expect(html).not.toContain('<script');
  expect(html).not.toContain('Three.');
  const text = await saved(page, 'Tea of Open WebUI', 'Text');
  expect(text).toContain('leaf:1b:\n[Thought: Black.]\nFour.');
  const json = await saved(page, 'Tea of Open WebUI', 'JSON');
  const { format, chats } = JSON.parse(json) as { format: string; chats: { tags: string[]; turns: { text: string }[] }[] };
  expect(format).toBe('chaosengine-chats');
  expect(chats[0]?.tags).toEqual(['tea']);
  expect(chats[0]?.turns.map(turn => turn.text)).toEqual(['How long? <script>alert(1)</script>', 'Three.', 'Four.']);
  await bring(page, json);
  await expect(page.getByTestId('import-outcome')).toContainText('1 are here already');
});

test('a chat is kept as a file, and files that are none say so', async ({ page }) => {
  await open(page, '/chats');
  await bring(page, file('To be kept', 'Keep this?', 'It **is** kept.'));
  await connected(page);
  await row(page, 'To be kept').getByTestId('chat-export').click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    row(page, 'To be kept').getByRole('link', { name: 'Markdown' }).click(),
  ]);
  expect(download.suggestedFilename()).toBe('to-be-kept.md');
  await bring(page, 'no json');
  await expect(page.getByTestId('import-outcome')).toContainText('no JSON');
});

test('all chats leave as one file, which another server takes over', async ({ browser }) => {
  const [from, to] = [await Server.start({ model: 'none' }), await Server.start({ model: 'none' })];
  const visit = async (server: Server) => {
    const context = await browser.newContext({ baseURL: server.address, locale: 'en-GB' });
    const page = await context.newPage();
    await open(page, '/chats');
    return page;
  };
  const leaving = await visit(from);
  const eels = file('Notes on eels', 'Where do eels go?', 'To the <b>Sargasso</b> Sea.');
  Object.assign(eels.chats[0] ?? {}, { folder: 'Fishes', tags: ['sea'] });
  await bring(leaving, eels);
  await expect(leaving.getByTestId('import-outcome')).toContainText('1 chats were taken over');
  await bring(leaving, file('Notes on elvers', 'What is an elver?', 'A young eel.'));
  await expect(row(leaving, 'Notes on elvers')).toBeVisible();
  const download = leaving.waitForEvent('download');
  await leaving.getByTestId('export-all').click();
  const text = readFileSync(await (await download).path(), 'utf8');
  expect(JSON.parse(text).chats).toHaveLength(2);

  const arriving = await visit(to);
  await bring(arriving, text);
  await expect(arriving.getByTestId('import-outcome')).toContainText('2 chats were taken over');
  await connected(arriving);
  await expect(arriving.getByTestId('folder').filter({ hasText: 'Fishes' })).toContainText('1');
  await expect(row(arriving, 'Notes on eels').getByRole('link', { name: 'sea', exact: true })).toHaveCount(1);
  await row(arriving, 'Notes on eels').getByRole('link', { name: 'Notes on eels' }).click();
  await expect(answers(arriving)).toHaveCount(1);
  await expect(textOf(lastAnswer(arriving))).toHaveText('To the <b>Sargasso</b> Sea.');
  for (const page of [leaving, arriving]) {
    await page.context().close();
  }
  await Promise.all([from.stop(), to.stop()]);
});
