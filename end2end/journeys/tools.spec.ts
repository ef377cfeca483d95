// Tools that answers call: cards, questions, and what comes of them. The model is one that calls what the test says.

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from '@playwright/test';
import type { Message, Turn } from '../support/caller';
import { allow, chatTool, withCallingModel } from '../support/calling';
import { Painter } from '../support/painter';
import { pdf } from '../support/pdf';
import { Searcher } from '../support/searcher';
import { freshFolder, required, Server } from '../support/server';
import { templatelessModel } from '../support/thinker';
import { accessible, answered, composer, connected, expect, lastAnswer, open, send, test, textOf } from '../support/test';
import { addProgram, isIn, tool as listed } from '../support/tool-server';

const LOCAL_PAGE = 'http://127.0.0.1:9/secret';

/** It prints something, and says what it can reach outside. */
const PROGRAM = 'let a = 1, b = 1; for (let i = 0; i < 30; i++) [a, b] = [b, a + b]; console.log(b, typeof fetch, typeof require);';

/** What the model makes of what a tool gave. */
function toldOf(said: string): string {
  if (said.startsWith('Error')) {
    return 'That did not work.';
  }
  return said.includes('number="1"') ? 'It is two hundred [1].' : `It gave: ${said}`;
}

function answer(last: Message): Turn {
  const said = last.content ?? '';
  if (last.role === 'tool') {
    return { text: toldOf(said) };
  }
  if (said.includes('count')) {
    return { text: 'Let me count.', calls: [{ name: 'calculator', arguments: { expression: '6*7' } }] };
  }
  if (said.includes('both')) {
    const calls = ['1+1', '2+2'].map(expression => ({ name: 'calculator', arguments: { expression } }));
    return { text: 'Both.', calls };
  }
  if (said.includes('fetch')) {
    return { text: '', calls: [{ name: 'fetch_page', arguments: { url: LOCAL_PAGE } }] };
  }
  if (said.includes('repeat')) {
    return { text: 'The lamp is lit and it goes on burning through the night.\n'.repeat(200) };
  }
  if (said.includes('compute')) {
    return { text: 'A program.', calls: [{ name: 'run_javascript', arguments: { code: PROGRAM } }] };
  }
  if (said.includes('paint')) {
    return { text: 'A picture.', calls: [{ name: 'generate_image', arguments: { prompt: 'a pond with newts', shape: 'wide' } }] };
  }
  if (said.includes('How many stairs')) {
    return { text: '', calls: [{ name: 'search_documents', arguments: { query: 'stairs of the keeper' } }] };
  }
  if (said.includes('Read the book')) {
    return { text: '', calls: [{ name: 'read_document', arguments: { name: 'lantern', from: 1 } }] };
  }
  if (said.includes('Search for newts')) {
    return { text: '', calls: [{ name: 'web_search', arguments: { query: 'newts & ponds' } }] };
  }
  const path = /Open the file (\S+)/.exec(said)?.[1];
  if (path) {
    return { text: '', calls: [{ name: 'files_read', arguments: { path } }] };
  }
  if (said.includes('<critique>')) {
    return { text: 'Hello, and welcome.' };
  }
  if (said.includes('strictest reader')) {
    return { text: 'It greets nobody in particular.' };
  }
  return { text: 'Hello.' };
}

/** A chat with a model that answers so. */
function withCaller(
  browser: Browser,
  options: object,
  act: (page: Page) => Promise<void>,
  dataDir = freshFolder(),
  environment: Record<string, string> = {},
): Promise<void> {
  return withCallingModel(browser, answer, act, { dataDir, environment, context: options });
}

test('an answer that goes round in circles is ended, says why, and can be asked for again', async ({ browser }) => {
  await withCaller(browser, {}, async page => {
    await send(page, 'Please repeat.');
    const guard = page.getByTestId('message-guard');
    await expect(guard).toHaveAttribute('data-guard', /repeated_/);
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
    await expect(textOf(lastAnswer(page))).toContainText('The lamp is lit');
    await accessible(page);
    await guard.getByTestId('guard-again').click();
    await expect(lastAnswer(page).getByTestId('variant-previous')).toBeVisible();
    await expect(guard).toBeVisible();
  });
});

test('an image is made once somebody is chosen who makes them and the person has said yes', async ({ browser }) => {
  const painter = await Painter.start();
  await withCaller(browser, {}, async page => {
    await open(page, '/tools');
    await page.locator('input[name=images-service][value=openai]').check();
    await page.locator('#images-address').fill(painter.address);
    await page.locator('#images-model').fill('sd');
    await page.locator('#images-side').selectOption('512');
    await accessible(page);
    await page.getByTestId('images-save').click();
    await expect(page.getByTestId('images-status')).toHaveText('Saved.');
    const made = page.locator('[data-testid=tool][data-tool=generate_image]');
    await expect(made.getByTestId('tool-permission')).toHaveValue('ask');
    await page.reload();
    await connected(page);
    await expect(page.locator('#images-address')).toHaveValue(painter.address);
    await expect(page.locator('#images-side')).toHaveValue('512');

    await open(page, '/chat');
    await allow(page, 'generate_image');
    await send(page, 'Please paint.');
    const card = lastAnswer(page).getByTestId('call');
    await expect(card).toHaveAttribute('data-state', 'asked');
    expect(painter.orders).toEqual([]);
    await card.getByTestId('call-yes').click();
    await answered(page);
    await expect(card).toHaveAttribute('data-state', 'done');
    await expect(card.locator('img')).toHaveJSProperty('naturalWidth', 2);
    expect(painter.orders).toEqual([
      { prompt: 'a pond with newts', n: 1, size: '768x512', model: 'sd', response_format: 'b64_json' },
    ]);
    await expect(lastAnswer(page)).toContainText('It gave: The image was made');
  });
  painter.stop();
});

/** Has the web searched by `searcher`, in a new chat. */
async function searchBy(page: Page, searcher: Searcher): Promise<void> {
  await open(page, '/tools');
  await page.locator('input[name=search-service][value=searxng]').check();
  await page.locator('#search-address').fill(searcher.address);
  await page.getByTestId('search-save').click();
  await expect(page.getByTestId('search-status')).toHaveText('Saved.');
  await open(page, '/chat');
  await allow(page, 'web_search');
  await send(page, 'Search for newts.');
}

test('the web is searched by whom was chosen for it once the person has said yes, and what was found is linked', async ({ browser }) => {
  const searcher = await Searcher.start();
  await withCaller(browser, {}, async page => {
    await searchBy(page, searcher);
    const card = lastAnswer(page).getByTestId('call');
    await expect(card.getByTestId('call-asked-arguments')).toContainText('newts & ponds');
    expect(searcher.queries).toEqual([]);
    await card.getByTestId('call-yes').click();
    await answered(page);
    await expect(card).toHaveAttribute('data-state', 'done');
    expect(searcher.queries).toEqual(['newts & ponds']);
    const citation = textOf(lastAnswer(page)).locator('a.citation');
    await expect(citation).toHaveAttribute('href', 'https://newts.example/pond');
    await expect(citation).toHaveAttribute('target', '_blank');
    await expect(textOf(lastAnswer(page))).toContainText('Newts breathe through their skin.');
    await card.locator('summary').click();
    await expect(card.getByRole('listitem')).toHaveCount(1);
    await expect(card.getByRole('listitem').getByRole('link')).toHaveAttribute('href', 'https://newts.example/pond');
    await accessible(page);
  });
  searcher.stop();
});

test('a question that nobody answers expires: nothing ran, and the person and the model are told', async ({ browser }) => {
  const searcher = await Searcher.start();
  const act = async (page: Page) => {
    await searchBy(page, searcher);
    const card = lastAnswer(page).getByTestId('call');
    await expect(card).toHaveAttribute('data-state', 'asked');
    await expect(card.getByTestId('call-question')).toContainText(/Without an answer within 5(\.0)? s it does not run\./);
    await answered(page);
    await expect(card).toHaveAttribute('data-state', 'failed');
    await expect(page.getByTestId('call-question')).toHaveCount(0);
    await expect(card.getByTestId('call-shown')).toHaveText('Not run: nobody answered in time');
    await expect(textOf(lastAnswer(page))).toContainText('That did not work.');
    await card.locator('summary').click();
    await expect(card.getByTestId('call-result')).toContainText('nobody answered the question whether it may run');
    expect(searcher.queries).toEqual([]);
    await accessible(page);

    // The same call runs where the question is answered in time.
    await send(page, 'Search for newts.');
    await expect(page.getByTestId('message')).toHaveCount(4);
    await card.getByTestId('call-yes').click();
    await answered(page);
    await expect(card).toHaveAttribute('data-state', 'done');
    expect(searcher.queries).toEqual(['newts & ponds']);
  };
  await withCaller(browser, {}, act, freshFolder(), { CHAOSENGINE_APPROVAL_TIME: '5s' });
  searcher.stop();
});

test('an answer looks into documents, shows what it names when that is pointed at, and opens it at its page', async ({ browser }) => {
  await withCaller(browser, {}, async page => {
    await open(page, '/documents');
    await page.getByTestId('new-collection').getByRole('textbox').fill('Lighthouse');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('collection-name')).toHaveText('Lighthouse');
    const book = pdf(['The lantern burns whale oil.', 'The keeper climbs two hundred stairs.']);
    await page.getByTestId('add-files').setInputFiles([{ name: 'lantern.pdf', mimeType: 'application/pdf', buffer: book }]);
    await expect(page.locator('[data-testid=document][data-state=ready]')).toHaveCount(1, { timeout: 30_000 });

    await open(page, '/chat');
    await allow(page, 'search_documents', 'read_document');
    await send(page, 'How many stairs are there?');
    await answered(page);
    const card = lastAnswer(page).getByTestId('call');
    await expect(card).toHaveAttribute('data-state', 'done');
    await expect(card.getByTestId('call-shown')).toHaveText('lantern.pdf');
    const citation = textOf(lastAnswer(page)).locator('a.citation');
    await expect(citation).toHaveAttribute('title', /^lantern\.pdf, 2\nThe keeper climbs two hundred stairs/);
    const preview = page.getByTestId('citation-preview');
    const shown = async () => {
      await expect(preview).toContainText('lantern.pdf · Page 2');
      await expect(preview).toContainText('The keeper climbs two hundred stairs');
      await expect(citation).toHaveAttribute('aria-describedby', 'citation-preview');
    };
    await citation.hover();
    await shown();
    await accessible(page);
    await page.keyboard.press('Escape');
    await expect(preview).toHaveCount(0);
    await expect(citation).toHaveAttribute('title', /^lantern/);
    const size = page.viewportSize()!;
    await page.setViewportSize({ width: 390, height: 844 });
    await citation.focus();
    await shown();
    await page.mouse.move(200, 500);
    await shown();
    const box = (await preview.boundingBox())!;
    expect(box.x >= 0 && box.x + box.width <= 390).toBe(true);
    await citation.blur();
    await expect(preview).toHaveCount(0);
    await page.setViewportSize(size);
    await citation.click();
    const marked = page.locator('[data-testid=passage][data-marked=true]');
    await expect(marked).toHaveText(/Page 2\s*The keeper climbs two hundred stairs/);
    await expect(page.getByTestId('document-file')).toHaveAttribute('href', /#page=2$/);

    await page.goBack();
    await connected(page);
    await expect(lastAnswer(page).getByTestId('sources')).toBeVisible();
    await send(page, 'Read the book on.');
    await expect(page.getByTestId('message')).toHaveCount(4);
    await answered(page);
    await expect(card.getByTestId('call-name')).toHaveText('read_document');
    await expect(textOf(lastAnswer(page))).toContainText('It gave: The keeper climbs two hundred stairs.');
    await expect(textOf(lastAnswer(page))).not.toContainText('whale oil');
  });
});

test('a tool of a server runs once it was allowed always, and asks again when it is another', async ({ browser }) => {
  await withCaller(browser, {}, async page => {
    await open(page, '/tools');
    await addProgram(page, 'files', 'TOOL_SERVER_KEY=x');
    await isIn(page, 'files', 'ready');
    await open(page, '/chat');
    await allow(page, 'files_read');
    const question = page.getByTestId('call-question');
    await send(page, 'Open the file notes.txt');
    await expect(question).toContainText('May “files_read” run?');
    await expect(question).toContainText('<b>Reads</b> a file.');
    await expect(question.getByTestId('call-asked-arguments')).toContainText('notes.txt');
    await expect(question).not.toContainText('no longer what it was');
    await question.getByTestId('call-always').click();
    await answered(page);
    await expect(textOf(lastAnswer(page))).toContainText('It gave: read notes.txt');

    await send(page, 'Open the file change');
    await expect(page.getByTestId('message')).toHaveCount(4);
    await answered(page);
    await expect(textOf(lastAnswer(page))).toContainText('It gave: read change');
    await open(page, '/tools');
    const row = listed(page, 'files_read');
    await expect(row.getByTestId('tool-changed')).toBeVisible();
    await expect(row.getByTestId('tool-permission')).toHaveValue('ask');

    await page.goBack();
    await connected(page);
    await send(page, 'Open the file again.txt');
    await expect(question).toContainText('no longer what it was');
    await accessible(page);
    await question.getByTestId('call-always').click();
    await answered(page);
    await expect(textOf(lastAnswer(page))).toContainText('It gave: read again.txt');
    await open(page, '/tools');
    await expect(row.getByTestId('tool-permission')).toHaveValue('always');
    await expect(row.getByTestId('tool-changed')).toHaveCount(0);
  });
});

test('a program that a model writes runs where an interpreter is installed, and reaches nothing outside', async ({ browser }) => {
  const dataDir = freshFolder();
  cpSync(required('CHAOSENGINE_TEST_INTERPRETERS'), join(dataDir, 'interpreters'), { recursive: true });
  const act = async (page: Page) => {
    await open(page, '/chat');
    await allow(page, 'run_javascript');
    await send(page, 'Please compute.');
    const card = lastAnswer(page).getByTestId('call');
    await answered(page);
    await expect(card).toHaveAttribute('data-state', 'done');
    await expect(lastAnswer(page)).toContainText('2178309 undefined undefined');
    await accessible(page);
  };
  await withCaller(browser, {}, act, dataDir);
});

test('an answer calls a tool, and shows with what and what came of it', async ({ browser }) => {
  await withCaller(browser, {}, async page => {
    await composer(page).pressSequentially('/tools');
    await page.getByTestId('named').first().click();
    await expect(chatTool(page, 'calculator')).toBeVisible();
    await accessible(page);
    await allow(page, 'calculator');
    await send(page, 'Please count.');
    await answered(page);
    const card = lastAnswer(page).getByTestId('call');
    await expect(card).toHaveAttribute('data-state', 'done');
    await expect(card.getByTestId('call-name')).toHaveText('calculator');
    await expect(textOf(lastAnswer(page))).toContainText(/Let me count\.[\s\S]*calculator[\s\S]*It gave: .*42/);
    await expect(card.getByTestId('call-result')).toBeHidden();
    await card.locator('summary').click();
    await expect(card.getByTestId('call-arguments')).toContainText('6*7');
    await expect(card.getByTestId('call-result')).toContainText('42');
    await accessible(page);

    // The page that is fetched again shows the same.
    await page.reload();
    await connected(page);
    await expect(card).toHaveAttribute('data-state', 'done');
    await expect(textOf(lastAnswer(page))).toContainText(/Let me count\.[\s\S]*calculator[\s\S]*It gave: .*42/);
    await expect(page.getByTestId('chat-tools-n')).toHaveText('1');
  });
});

test('calls of one round have a card each', async ({ browser }) => {
  await withCaller(browser, {}, async page => {
    await allow(page, 'calculator');
    await send(page, 'Do both.');
    await answered(page);
    const cards = lastAnswer(page).getByTestId('call');
    await expect(cards).toHaveCount(2);
    await expect(cards.nth(0).getByTestId('call-shown')).toContainText('2');
    await expect(cards.nth(1).getByTestId('call-shown')).toContainText('4');
  });
});

test('what leaves the machine is asked about, and what fails is told', async ({ browser }) => {
  const dark = { colorScheme: 'dark' as const, viewport: { width: 390, height: 844 } };
  await withCaller(browser, dark, async page => {
    await allow(page, 'fetch_page');
    await send(page, 'Please fetch it.');
    const question = page.getByTestId('call-question');
    await expect(question).toContainText('May “fetch_page” run?');
    await expect(question.getByTestId('call-asked-arguments')).toContainText(LOCAL_PAGE);
    await accessible(page);
    // Who opens the chat meanwhile is asked as well.
    await page.reload();
    await connected(page);
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'running');
    await question.getByTestId('call-yes').click();
    await answered(page);
    const card = lastAnswer(page).getByTestId('call');
    await expect(card).toHaveAttribute('data-state', 'failed');
    await expect(textOf(lastAnswer(page))).toContainText('That did not work.');
    await expect(question).toHaveCount(0);

    await send(page, 'Please fetch it again.');
    await question.getByTestId('call-no').click();
    await answered(page);
    await expect(card.getByTestId('call-shown')).toContainText('you said no');

    await send(page, 'Please fetch it once more.');
    await expect(question).toBeVisible();
    await page.getByTestId('stop').click();
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
    await expect(card.last()).toHaveAttribute('data-state', 'interrupted');
  });
});

test('a tool that a person never allows is not run and asks no more', async ({ browser }) => {
  await withCaller(browser, {}, async page => {
    await allow(page, 'fetch_page');
    await send(page, 'Please fetch it.');
    const question = page.getByTestId('call-question');
    const card = lastAnswer(page).getByTestId('call');
    await question.getByTestId('call-never').click();
    await answered(page);
    await expect(card).toHaveAttribute('data-state', 'failed');
    await expect(card.getByTestId('call-shown')).toContainText('switched off');
    await expect(textOf(lastAnswer(page))).toContainText('That did not work.');

    // It is not offered any more, so that whoever calls it all the same calls nothing.
    await send(page, 'Please fetch it again.');
    await expect(page.getByTestId('message')).toHaveCount(4);
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'failed');
    await expect(lastAnswer(page).getByTestId('message-error')).toContainText('no tool may run in this chat');
    await expect(question).toHaveCount(0);
    await open(page, '/tools');
    await expect(listed(page, 'fetch_page').getByTestId('tool-permission')).toHaveValue('never');
  });
});

test('an answer is criticised and written anew beside the old one', async ({ browser }) => {
  await withCaller(browser, {}, async page => {
    await send(page, 'Greet me.');
    await answered(page);
    await page.getByTestId('revise').click();
    await expect(textOf(lastAnswer(page))).toContainText('Hello, and welcome.');
    await answered(page);
    await expect(page.getByTestId('revised')).toBeVisible();
    await expect(page.getByTestId('variants')).toContainText('2 of 2');
    await lastAnswer(page).locator('.thought > summary').click();
    await expect(lastAnswer(page)).toContainText('It greets nobody in particular.');
    await page.getByTestId('variant-previous').click();
    await expect(textOf(lastAnswer(page))).toContainText('Hello.');
    await expect(page.getByTestId('revised')).toHaveCount(0);
  });
});

test('a model that calls no tools says why', async ({ browser }) => {
  const path = templatelessModel(freshFolder());
  const server = await (await Server.start({ model: { path } })).ready(20);
  const context = await browser.newContext({ baseURL: server.address, locale: 'en-GB' });
  const page = await context.newPage();
  await open(page, '/chat');
  await page.getByTestId('chat-tools').click();
  await expect(page.getByTestId('chat-tools-hint')).toContainText('This model cannot call tools');
  await expect(chatTool(page, 'calculator')).toBeDisabled();
  await context.close();
  await server.stop();
});
