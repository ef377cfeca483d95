// Finding models and fetching them: a catalogue that asks nobody, a hub that is asked when somebody searches, and downloads
// that survive whatever happens.

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from '@playwright/test';
import { Hub } from '../support/hub';
import { freshFolder, required, Server } from '../support/server';
import { accessible, connected, expect, open, test } from '../support/test';

const REPO = 'maker/Tiny-GGUF';
const FILE = 'Tiny-Q8_0.gguf';
const CARD = '---\nlicense: mit\n---\n# Tiny\n\nA **small** model. <script>alert(1)</script> ![x](https://example.com/x.png)\n';

interface Place {
  page: Page;
  hub: Hub;
  server: Server;
}

/** A hub with one model that can be loaded, and a second quantisation that is no model. */
function repositories(): string {
  const folder = freshFolder();
  const repo = join(folder, ...REPO.split('/'));
  mkdirSync(repo, { recursive: true });
  copyFileSync(required('CHAOSENGINE_TEST_MODEL'), join(repo, FILE));
  writeFileSync(join(repo, 'Tiny-Q4_K_M.gguf'), 'x'.repeat(100_000));
  writeFileSync(join(repo, 'README.md'), CARD);
  const about = { downloads: 12_345, likes: 67, tags: ['gguf', 'license:mit'], pipeline: 'text-generation' };
  writeFileSync(join(repo, '.hub.json'), JSON.stringify(about));
  const secret = join(folder, 'maker', 'Secret-GGUF');
  mkdirSync(secret, { recursive: true });
  writeFileSync(join(secret, 'Secret-Q8_0.gguf'), 'x'.repeat(1_000));
  writeFileSync(join(secret, '.hub.json'), JSON.stringify({ token: 'hf_theRightOne', tags: ['gguf'] }));
  return folder;
}

/** How many repositories the owner called crowd has: more than are shown at once. */
const CROWD = 40;

/** Beside the others many repositories, the later the more downloads, the fewer likes and the larger, and half of each licence. */
function crowded(): string {
  const folder = repositories();
  for (let n = 1; n <= CROWD; n += 1) {
    const repo = join(folder, 'crowd', `Model-${n}-GGUF`);
    mkdirSync(repo, { recursive: true });
    writeFileSync(join(repo, 'Model-Q8_0.gguf'), 'x'.repeat(100));
    const tags = ['gguf', n % 2 === 0 ? 'license:mit' : 'license:apache-2.0'];
    const about = { downloads: n, likes: CROWD - n, tags, gguf: ['llama', 8192, n * 1_000_000_000] };
    writeFileSync(join(repo, '.hub.json'), JSON.stringify(about));
  }
  return folder;
}

/** One repository with these files, which are no models. */
function lined(files: string[]): string {
  const folder = freshFolder();
  const repo = join(folder, 'maker', 'Line-GGUF');
  mkdirSync(repo, { recursive: true });
  files.forEach((file, n) => writeFileSync(join(repo, `${file}.gguf`), String(n).repeat(400_000)));
  writeFileSync(join(repo, '.hub.json'), JSON.stringify({ tags: ['gguf'] }));
  return folder;
}

async function withHub(
  browser: Browser,
  journey: (place: Place) => Promise<void>,
  more: string[] = [],
  folder = repositories(),
): Promise<void> {
  const hub = await Hub.start(folder);
  const server = await start(hub, undefined, more);
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/discover');
  await journey({ page, hub, server });
  await context.close();
  await server.stop();
  await hub.stop();
}

async function start(hub: Hub, dataDir?: string, more: string[] = []): Promise<Server> {
  const environment = { HF_ENDPOINT: hub.address, HF_TOKEN: '', HF_HUB_OFFLINE: '' };
  return Server.start({ model: 'none', environment, more, ...(dataDir === undefined ? {} : { dataDir }) });
}

function choice(page: Page, name: string): Locator {
  return page.locator(`[data-testid=choice][data-name="${name}"]`);
}

function download(page: Page, name: string): Locator {
  return page.locator(`[data-testid=download][data-name="${name}"]`);
}

async function search(page: Page, words: string): Promise<void> {
  await page.getByTestId('discover-search').fill(words);
  await page.getByTestId('discover-search').press('Enter');
}

test('the catalogue is there without asking anybody, and what fits comes first', async ({ browser }) => {
  await withHub(browser, async ({ page, hub }) => {
    const first = page.getByRole('region', { name: 'Good for this machine' });
    await expect(first.getByTestId('catalogue-model').first()).toBeVisible();
    expect(await page.getByTestId('catalogue-model').count()).toBeGreaterThan(30);
    const seen = (await (await fetch(`${hub.address}/-/seen`)).json()) as { questions: number };
    expect(seen.questions, 'nothing is asked unasked').toBe(0);
  });
});

test('what loading a model would take is told before it is downloaded', async ({ browser }) => {
  const look = async ({ page }: Place) => {
    await open(page, `/discover?q=${encodeURIComponent(REPO)}`);
    await choice(page, 'Tiny-Q8_0').getByTestId('choice-memory').click();
    await expect(choice(page, 'Tiny-Q8_0')).toContainText(/weights 145 MB · keys and values [0-9.]+ (MB|GB) for 8192 tokens · computing/);
    return choice(page, 'Tiny-Q8_0').getByTestId('choice-fate');
  };
  await withHub(browser, async place => {
    await expect(await look(place)).toHaveAttribute('data-state', 'fits');
    await expect(choice(place.page, 'Tiny-Q8_0').getByTestId('choice-fit')).toHaveAttribute('data-state', 'fits');
    // What is chosen is counted at once.
    const row = choice(place.page, 'Tiny-Q8_0');
    const taken = /keys and values ([0-9.]+) (MB|GB)/;
    const before = taken.exec(await row.innerText())?.[0];
    await row.getByTestId('choice-kept').selectOption('q8');
    await expect(row).not.toContainText(before ?? 'nothing was told');
    await row.getByTestId('choice-context').focus();
    await row.getByTestId('choice-context').selectOption('2048');
    await expect(row).toContainText('for 2048 tokens');
    await expect(row.getByTestId('choice-context'), 'it is still what it was chosen in').toBeFocused();
    // What is no model says so.
    await choice(place.page, 'Tiny-Q4_K_M').getByTestId('choice-memory').click();
    await expect(place.page.getByTestId('toast')).toContainText('not a GGUF model');
    await accessible(place.page);
  });
  await withHub(browser, async place => {
    await expect(await look(place)).toHaveAttribute('data-state', 'too-large');
    const ways = choice(place.page, 'Tiny-Q8_0').getByTestId('choice-ways');
    await expect(ways).toContainText(/context of [0-9]+ tokens/);
    await expect(ways.getByTestId('choice-smaller')).toHaveText('The smaller file Tiny-Q4_K_M');
    await ways.getByTestId('choice-smaller').click();
    await expect(place.page).toHaveURL(/#choice-Tiny-Q4_K_M$/);
    await expect(ways, 'what was told stays').toBeVisible();
    await accessible(place.page);
  }, ['--model-memory', '400M']);
});

test('a search finds a repository, whose file is downloaded, checked and loaded', async ({ browser }) => {
  await withHub(browser, async ({ page, server }) => {
    await search(page, 'tiny');
    await expect(page).toHaveURL(/q=tiny/);
    await expect(page.getByTestId('found-row')).toHaveCount(1);
    await expect(page.getByTestId('found-row')).toContainText('12.3k downloads');
    await page.getByTestId('found-row').getByRole('link').click();
    await expect(page.getByTestId('repository')).toContainText(REPO);
    await expect(page.getByTestId('card')).toContainText('A small model.');
    await expect(page.getByTestId('card').locator('script, img')).toHaveCount(0);
    await expect(choice(page, 'Tiny-Q8_0')).toContainText('Recommended');
    await choice(page, 'Tiny-Q8_0').getByTestId('choice-download').click();
    await expect(choice(page, 'Tiny-Q8_0').getByTestId('choice-here')).toBeVisible({ timeout: 60_000 });
    const fetched = join(server.dataDir, 'models', 'maker', 'Tiny-GGUF', FILE);
    expect(readFileSync(fetched).equals(readFileSync(required('CHAOSENGINE_TEST_MODEL')))).toBe(true);
    expect(readdirSync(join(server.dataDir, 'models', 'maker', 'Tiny-GGUF'))).toEqual([FILE]);
    await choice(page, 'Tiny-Q8_0').getByTestId('choice-here').click();
    await expect(page.getByTestId('model-facts')).toContainText('134.5 M');
    await page.getByTestId('model-load').click();
    await expect(page.getByTestId('model-loaded')).toBeVisible({ timeout: 30_000 });
  });
});

test('an address that is pasted leads to what it names', async ({ browser }) => {
  await withHub(browser, async ({ page }) => {
    await search(page, `https://huggingface.co/${REPO}/blob/main/Tiny-Q4_K_M.gguf`);
    await expect(choice(page, 'Tiny-Q4_K_M')).toHaveAttribute('data-wanted', 'true');
    await open(page, '/discover');
    await search(page, 'nobody/nothing-here');
    await expect(page.getByRole('heading', { name: 'no such repository' })).toBeVisible();
  });
});

test('a download is paused, goes on after a kill of the server, and is removed with what arrived', async ({ browser }) => {
  const hub = await Hub.start(repositories());
  await hub.faults(REPO, FILE, [{ kind: 'slow', bytes_per_second: 8_000_000 }]);
  let server = await start(hub);
  const context = await browser.newContext();
  const page = await context.newPage();
  await open(page, `${server.address}/discover?repo=${encodeURIComponent(REPO)}`);
  await choice(page, 'Tiny-Q8_0').getByTestId('choice-download').click();
  // Who leaves before the server knows of it has begun nothing.
  await expect(page.getByTestId('toast')).toBeVisible();
  await open(page, `${server.address}/discover`);
  await expect(download(page, 'Tiny-Q8_0')).toHaveAttribute('data-state', 'running', { timeout: 30_000 });
  await expect(download(page, 'Tiny-Q8_0').getByTestId('download-detail')).toContainText('/s', { timeout: 30_000 });
  await download(page, 'Tiny-Q8_0').getByTestId('download-pause').click();
  await expect(download(page, 'Tiny-Q8_0')).toHaveAttribute('data-state', 'paused');
  await download(page, 'Tiny-Q8_0').getByTestId('download-resume').click();
  await expect(download(page, 'Tiny-Q8_0')).toHaveAttribute('data-state', 'running');
  const { dataDir, port } = server;
  await server.kill();
  const model = join(dataDir, 'models', 'maker', 'Tiny-GGUF', FILE);
  expect(existsSync(model), 'a file is there when it is whole').toBe(false);
  server = await Server.start({ model: 'none', dataDir, port, environment: { HF_ENDPOINT: hub.address } });
  await open(page, `${server.address}/discover`);
  await expect(download(page, 'Tiny-Q8_0')).toHaveAttribute('data-state', 'running', { timeout: 30_000 });
  await download(page, 'Tiny-Q8_0').getByTestId('download-remove').click();
  await expect(download(page, 'Tiny-Q8_0')).toHaveCount(0);
  await expect.poll(() => existsSync(join(dataDir, 'models', 'maker', 'Tiny-GGUF'))).toBe(false);
  await context.close();
  await server.stop();
  await hub.stop();
});

test('what a hub refuses is said with what helps, and a token opens it', async ({ browser }) => {
  await withHub(browser, async ({ page, hub, server }) => {
    await page.goto('/discover?repo=maker%2FSecret-GGUF');
    await expect(page.getByRole('main')).toContainText(/access|token/);
    await open(page, '/discover');
    await page.locator('#hub-token').fill('hf_theRightOne');
    await page.getByTestId('hub-token-form').getByRole('button').click();
    await expect(page.getByTestId('toast')).toContainText('Saved');
    expect(await (await page.request.get('/discover')).text()).not.toContain('theRightOne');
    await open(page, '/discover?repo=maker%2FSecret-GGUF');
    await expect(choice(page, 'Secret-Q8_0')).toBeVisible();
    await hub.stop();
    await page.goto('/discover?q=tiny');
    await connected(page);
    await expect(page.getByTestId('hub-problem')).toContainText('does not answer');
    expect(existsSync(join(server.dataDir, 'app.sqlite'))).toBe(true);
  });
});

test('what is found is sorted, narrowed, and read page by page, and what has to be asked for says so', async ({ browser }) => {
  const journey = async ({ page }: Place) => {
    const rows = page.getByTestId('found-row');
    const chooses = async (name: string, value: string, first: RegExp) => {
      await page.locator(`select[name=${name}]`).selectOption(value);
      await page.getByTestId('discover-search').press('Enter');
      await expect(page).toHaveURL(new RegExp(`[?&]${name}=${value}(&|$)`));
      await expect(rows.first()).toContainText(first);
    };
    await search(page, 'crowd');
    await expect(rows.first()).toBeVisible();
    await chooses('sort', 'downloads', /crowd\/Model-40-GGUF/);
    const n = await rows.count();
    expect(n).toBeLessThan(CROWD);
    await page.getByTestId('found-more').click();
    // The next page goes on behind the first, in the same order.
    await expect(rows.first()).toContainText(`crowd/Model-${CROWD - n}-GGUF`);
    await expect(page).toHaveURL(/sort=downloads/);
    await page.goBack();
    await expect(rows.first()).toContainText('crowd/Model-40-GGUF');

    await chooses('sort', 'likes', /crowd\/Model-1-GGUF/);
    await chooses('licence', 'mit', /crowd\/Model-2-GGUF/);
    await chooses('size', '10', /crowd\/Model-6-GGUF/);
    await expect(rows).toHaveText([/Model-6-/, /Model-8-/, /Model-10-/]);
    await expect(rows.first()).toContainText('mit');
    await expect(page.getByTestId('found-more')).toHaveCount(0);
    await page.reload();
    await expect(rows).toHaveCount(3);
    await page.locator('select[name=can]').selectOption('sees');
    await page.getByTestId('discover-search').press('Enter');
    await expect(page.getByTestId('found-none')).toBeVisible();

    await open(page, '/discover');
    await search(page, 'secret');
    await expect(rows).toContainText('Access on request');
    await rows.getByRole('link').click();
    await expect(page.getByTestId('repository-gated')).toContainText('Ask for it on the hub’s page');
    await accessible(page);
  };
  await withHub(browser, journey, [], crowded());
});

test('downloads wait for each other, as many run as are set, and one that waits goes first when told to', async ({ browser }) => {
  const files = ['Line-Q4_K_M', 'Line-Q5_K_M', 'Line-Q8_0'] as const;
  const [first, second, third] = files;
  const journey = async ({ page, hub }: Place) => {
    for (const file of files) {
      await hub.faults('maker/Line-GGUF', `${file}.gguf`, [{ kind: 'slow', bytes_per_second: 4_000 }]);
    }
    const isIn = (name: string, state: string) =>
      expect(download(page, name)).toHaveAttribute('data-state', state, { timeout: 30_000 });
    const parallel = async (n: number) => {
      await page.getByTestId('download-limits').locator('[name=parallel]').fill(String(n));
      await page.getByTestId('download-limits').getByRole('button').click();
      await expect(page.getByTestId('toast').last()).toContainText('Saved');
    };
    const begins = async (name: string) => {
      await open(page, '/discover?repo=maker%2FLine-GGUF');
      await choice(page, name).getByTestId('choice-download').click();
      await expect(page.getByTestId('toast')).toBeVisible();
      await open(page, '/discover');
    };
    await begins(first);
    await isIn(first, 'running');
    await parallel(1);
    await begins(second);
    await begins(third);
    await isIn(second, 'waiting');
    await isIn(third, 'waiting');
    await download(page, third).getByTestId('download-first').click();
    await download(page, first).getByTestId('download-pause').click();
    await isIn(third, 'running');
    await isIn(first, 'paused');
    await isIn(second, 'waiting');
    await parallel(2);
    await isIn(second, 'running');
    await isIn(third, 'running');
    await download(page, first).getByTestId('download-resume').click();
    await isIn(first, 'waiting');
    await download(page, third).getByTestId('download-remove').click();
    await expect(download(page, third)).toHaveCount(0);
    await isIn(first, 'running');
    await accessible(page);
  };
  await withHub(browser, journey, [], lined([...files]));
});

test('a download outlives a hub that is busy and breaks off, and is no file as long as a byte is wrong', async ({ browser }) => {
  const [tried, wrong] = ['Line-Q4_K_M', 'Line-Q5_K_M'] as const;
  const journey = async ({ page, hub, server }: Place) => {
    const repo = 'maker/Line-GGUF';
    await hub.faults(repo, `${tried}.gguf`, [
      { kind: 'status', status: 429, retry_after: 1, times: 1 },
      { kind: 'cut', after_bytes: 100_000, times: 2 },
    ]);
    await hub.faults(repo, `${wrong}.gguf`, [{ kind: 'wrong_byte', at: 200_000, times: 1_000 }]);
    const path = (name: string) => join(server.dataDir, 'models', 'maker', 'Line-GGUF', `${name}.gguf`);
    await open(page, `/discover?repo=${encodeURIComponent(repo)}`);
    for (const name of [tried, wrong]) {
      await choice(page, name).getByTestId('choice-download').click();
    }
    await expect.poll(() => existsSync(path(tried)), { timeout: 30_000 }).toBe(true);
    expect(readFileSync(path(tried), 'utf8')).toBe('0'.repeat(400_000));
    await open(page, '/discover');
    await expect(download(page, wrong)).toHaveAttribute('data-state', 'failed', { timeout: 30_000 });
    await expect(download(page, wrong).getByTestId('download-error')).toContainText(/what arrived is not what was promised/i);
    expect(existsSync(path(wrong)), 'a file is there when it is right').toBe(false);
    await accessible(page);
    await hub.faults(repo, `${wrong}.gguf`, []);
    await download(page, wrong).getByTestId('download-resume').click();
    await expect.poll(() => existsSync(path(wrong)), { timeout: 30_000 }).toBe(true);
    expect(readFileSync(path(wrong), 'utf8')).toBe('1'.repeat(400_000));
  };
  await withHub(browser, journey, [], lined([tried, wrong]));
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`everybody can discover models: ${colorScheme}`, async ({ browser }) => {
    await withHub(browser, async ({ page }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const [width, height] of [
        [1440, 900],
        [360, 780],
      ] as const) {
        await page.setViewportSize({ width, height });
        for (const address of ['/discover', '/discover?q=tiny', `/discover?repo=${encodeURIComponent(REPO)}`]) {
          await open(page, address);
          await accessible(page);
          expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        }
      }
    });
  });
}
