// How quickly pages open, and whether they keep up with whoever types, scrolls and reads along.

import { type Browser, type BrowserContext, expect, type Page, test } from '@playwright/test';
import { Server } from '../support/server';
import { addModel, composer, connected, lastAnswer, open, send } from '../support/test';
import { LAST_WORDS, LONG_TITLE, longAnswer, longChat, manyChats, N_MESSAGES, words } from './data';
import { measuredIn, note, quantile } from './figures';
import { type Frames, traced } from './trace';
import { SteadyWriter } from './writer';

const ROUNDS = Number(process.env.CHAOSENGINE_ROUNDS ?? 7);
const N_SHOWN = 2_000;
const KEYS_PER_SECOND = 10;
const N_KEYS = 60;
const N_PIECES = 5_000;
const PIECES_PER_SECOND = 80;
const FRAME_MS = 1000 / 60;
/** A frame is missed where two are further apart than this: timers are not exact. */
const MISSED_MS = 1.5 * FRAME_MS;

let server: Server;
let writer: SteadyWriter;
let context: BrowserContext;
let longAddress: string;

test.describe.configure({ mode: 'serial' });

test.beforeAll(async ({ browser }) => {
  measuredIn(browser.version());
  writer = await SteadyWriter.start(longAnswer(N_PIECES), PIECES_PER_SECOND);
  server = await Server.start({ model: 'none' });
  await server.alwaysTheSame(600);
  context = await browser.newContext({ baseURL: server.address, locale: 'en-GB', viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  for (const chats of [manyChats(), longChat()]) {
    await bring(page, chats);
  }
  const link = page.getByTestId('chat').filter({ hasText: LONG_TITLE }).getByRole('link').first();
  longAddress = (await link.getAttribute('href')) ?? '';
  await addModel(page, writer.address);
  await page.close();
});

test.afterAll(async () => {
  await context?.close();
  writer?.stop();
  await server?.stop();
});

async function bring(page: Page, chats: string): Promise<void> {
  await open(page, '/chats');
  await page.getByTestId('import').setInputFiles([{ name: 'chats.json', mimeType: 'application/json', buffer: Buffer.from(chats) }]);
  await expect(page.getByTestId('import-outcome')).toContainText('chats were taken over.', { timeout: 10 * 60_000 });
}

/** Notes when `shown` holds for the first time and that has been painted; `shown` is looked at once a frame. */
async function watchFor(page: Page, shown: Shown, what: string): Promise<void> {
  await page.addInitScript({ content: watching(shown, what) });
}

type Shown = (what: string) => boolean;

/** As text: a page's policy forbids it to make functions of texts. */
function watching(shown: Shown, what: string): string {
  return `(${watch})(${shown}, ${JSON.stringify(what)})`;
}

function watch(shown: Shown, what: string): void {
  const state = window as unknown as { painted: number };
  state.painted = 0;
  const look = () => {
    if (!shown(what)) {
      requestAnimationFrame(look);
      return;
    }
    // What is posted from a frame runs after that frame was painted.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      state.painted = performance.now();
    };
    port2.postMessage(null);
  };
  requestAnimationFrame(look);
}

/** The end of the thread is in sight. */
function endIsShown(words: string): boolean {
  const thread = document.querySelector('[data-testid=thread]');
  const all = thread?.querySelectorAll('[data-testid=message]');
  const last = all?.[all.length - 1];
  if (!thread || !last?.textContent?.includes(words)) {
    return false;
  }
  const [row, box] = [last.getBoundingClientRect(), thread.getBoundingClientRect()];
  return row.top < box.bottom && row.bottom > box.top && row.bottom < box.bottom + 60;
}

/** The first line of the list is in sight. */
function listIsShown(): boolean {
  const row = document.querySelector('[data-testid=chats] [data-testid=chat]');
  return !!row && row.getBoundingClientRect().top < window.innerHeight;
}

async function painted(page: Page): Promise<number> {
  await page.waitForFunction(() => (window as unknown as { painted: number }).painted > 0);
  return page.evaluate(() => (window as unknown as { painted: number }).painted);
}

/** Milliseconds from the click on the link to the frame in which `shown` holds. */
async function click(page: Page, selector: string, shown: Shown, what: string): Promise<number> {
  await page.evaluate(selector => {
    const state = window as unknown as { began: number };
    document.querySelector(selector)?.addEventListener('click', event => (state.began = event.timeStamp), { capture: true, once: true });
  }, selector);
  await page.evaluate(watching(shown, what));
  await page.locator(selector).first().click();
  const end = await painted(page);
  return end - (await page.evaluate(() => (window as unknown as { began: number }).began));
}

/** Opens a page as often as is measured; the first time fills the browser's cache and does not count. */
async function rounds(act: (page: Page, counts: boolean) => Promise<void>): Promise<void> {
  for (let round = 0; round <= ROUNDS; round += 1) {
    const page = await context.newPage();
    await act(page, round > 0);
    await page.close();
  }
}

function noteIf(counts: boolean, what: string, value: number, aim?: number): void {
  if (counts) {
    note(what, 'ms', value, aim);
  }
}

test('opening', async () => {
  await rounds(async (page, counts) => {
    await watchFor(page, endIsShown, LAST_WORDS);
    await page.goto(longAddress);
    noteIf(counts, `${N_MESSAGES} messages, from the address: the end is painted`, await painted(page), 300);
    const text = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN);
    noteIf(counts, `${N_MESSAGES} messages, from the address: the first text is painted`, text);
    await connected(page);
    noteIf(counts, `${N_MESSAGES} messages, from the address: connected`, await page.evaluate(() => performance.now()));
  });
  await rounds(async (page, counts) => {
    await open(page, '/chats');
    await page.waitForLoadState('networkidle');
    const ms = await click(page, `[data-testid=chats] a[href="${longAddress}"]`, endIsShown, LAST_WORDS);
    noteIf(counts, `${N_MESSAGES} messages, from the list of chats: the end is painted`, ms, 300);
  });
  await rounds(async (page, counts) => {
    await watchFor(page, listIsShown, '');
    await page.goto('/chats');
    noteIf(counts, 'list of 10000 chats, from the address: painted', await painted(page), 300);
  });
  await rounds(async (page, counts) => {
    await open(page, '/chat');
    await page.waitForLoadState('networkidle');
    noteIf(counts, 'list of 10000 chats, from a chat: painted', await click(page, 'a[href="/chats"]', listIsShown, ''), 300);
  });
});

/** Counts frames that come too late while `act` runs, as the page itself sees them. */
async function missed(page: Page, act: () => Promise<void>): Promise<number> {
  await page.evaluate(missedMs => {
    const state = window as unknown as { missed: number; watching: boolean };
    let last = 0;
    [state.missed, state.watching] = [0, true];
    const frame = (now: number) => {
      state.missed += last > 0 && now - last > missedMs ? 1 : 0;
      last = now;
      if (state.watching) {
        requestAnimationFrame(frame);
      }
    };
    requestAnimationFrame(frame);
  }, MISSED_MS);
  await act();
  return page.evaluate(() => {
    const state = window as unknown as { missed: number; watching: boolean };
    state.watching = false;
    return state.missed;
  });
}

/** How steady frames are while `act` runs. */
async function steady(browser: Browser, page: Page, what: string, act: () => Promise<void>): Promise<void> {
  let n_missed = 0;
  const frames = await traced(browser, page, async () => {
    n_missed = await missed(page, act);
  });
  note(`${what}: frames that took the main thread longer than 16.7 ms`, 'frames', frames.wall.filter(ms => ms > FRAME_MS).length, 0);
  note(`${what}: frames that came late`, 'frames', n_missed);
  note(`${what}: 99 % of frames took less than`, 'ms', quantile(frames.wall, 0.99));
  tell(frames);
}

function tell(frames: Frames): void {
  const parts = Object.entries(frames.parts).map(([name, ms]) => `${name} ${ms.toFixed(2)}`);
  console.log(`    ${frames.wall.length} frames; ms a frame: ${parts.join(', ')}`);
}

async function type(page: Page): Promise<void> {
  await composer(page).click();
  await composer(page).pressSequentially(words(N_KEYS, 3).slice(0, N_KEYS), { delay: 1000 / KEYS_PER_SECOND });
}

test('typing', async ({ browser }) => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const page = await context.newPage();
    await open(page, longAddress);
    await page.waitForLoadState('networkidle');
    await steady(browser, page, 'typing below the messages that a page begins with', () => type(page));
    await composer(page).fill('');
    await page.close();
  }
  const page = await context.newPage();
  await open(page, longAddress);
  const messages = page.getByTestId('message');
  for (let n = await messages.count(); n < N_SHOWN; n = await messages.count()) {
    const begun = Date.now();
    await page.getByTestId('earlier').click();
    await expect.poll(() => messages.count(), { intervals: [20], timeout: 60_000 }).toBeGreaterThan(n);
    if (n >= N_SHOWN - 500) {
      note(`100 more messages above about ${N_SHOWN} others`, 'ms', Date.now() - begun);
    }
  }
  await page.waitForLoadState('networkidle');
  for (let round = 0; round < ROUNDS; round += 1) {
    await steady(browser, page, `typing below ${N_SHOWN} messages`, () => type(page));
    await composer(page).fill('');
  }
  await page.close();
});

test('streaming', async ({ browser }) => {
  for (let round = 0; round < Math.min(ROUNDS, 5); round += 1) {
    const page = await context.newPage();
    await open(page, '/chat');
    const frames = await traced(browser, page, async () => {
      const written = writer.written();
      await send(page, 'Write it all down.');
      await written;
      await expect(lastAnswer(page)).toHaveAttribute('data-state', 'complete');
    });
    // Who reads along is still at its end: what is not followed costs less.
    const hidden = await page.getByTestId('thread').evaluate(it => it.scrollHeight - it.scrollTop - it.clientHeight);
    expect(hidden).toBeLessThan(60);
    const what = `an answer of ${N_PIECES} tokens is written`;
    note(`${what}: main-thread time of a frame`, 'ms', quantile(frames.wall, 0.5), 4);
    note(`${what}: processor time of a frame`, 'ms', quantile(frames.cpu, 0.5));
    note(`${what}: main-thread time of a frame in its last fifth`, 'ms', quantile(frames.wall.slice(-frames.wall.length / 5), 0.5), 4);
    note(`${what}: 95 % of frames took less than`, 'ms', quantile(frames.wall, 0.95));
    note(`${what}: tasks over 50 ms`, 'tasks', frames.nLongTasks);
    note(`${what}: longest task`, 'ms', frames.longestTask);
    tell(frames);
    await page.close();
  }
});

async function scroll(page: Page, selector: string, n_steps: number): Promise<void> {
  await page.locator(selector).hover();
  for (let step = 0; step < n_steps; step += 1) {
    await page.mouse.wheel(0, 240);
    await page.waitForTimeout(30);
  }
}

test('scrolling', async ({ browser }) => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const page = await context.newPage();
    await open(page, '/chats');
    await page.waitForLoadState('networkidle');
    await steady(browser, page, 'scrolling the list of chats', () => scroll(page, '[data-testid=chats]', 60));
    await steady(browser, page, 'scrolling the chats beside the page', () => scroll(page, '[data-testid=session]:first-child', 60));
    await open(page, longAddress);
    await page.waitForLoadState('networkidle');
    await steady(browser, page, 'scrolling a chat', async () => {
      await page.getByTestId('thread').hover();
      for (let step = 0; step < 60; step += 1) {
        await page.mouse.wheel(0, -240);
        await page.waitForTimeout(30);
      }
    });
    await page.close();
  }
});
