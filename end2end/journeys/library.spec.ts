// The library of models: everyone's folders in one list, what each model is, and keeping order among them.

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from '@playwright/test';
import { writeFolder } from '../support/folder';
import { writeImatrix } from '../support/imatrix';
import { freshFolder, required, Server } from '../support/server';
import { accessible, answered, expect, LONG, open, send, sendAndStop, SHORT, test } from '../support/test';

const STUDIO = ['.lmstudio', 'models', 'maker', 'Small'];

/** A home with a model in the folder of another program, and a server with one of its own and a broken one. */
async function library(): Promise<Server> {
  const dataDir = freshFolder();
  mkdirSync(join(dataDir, 'models'));
  mkdirSync(join(dataDir, ...STUDIO), { recursive: true });
  copyFileSync(required('CHAOSENGINE_TEST_MODEL'), join(dataDir, 'models', 'Own-Model.gguf'));
  copyFileSync(required('CHAOSENGINE_TEST_MODEL'), join(dataDir, ...STUDIO, 'Small-Q8_0.gguf'));
  writeFileSync(join(dataDir, 'models', 'broken.gguf'), '<html>404</html>');
  return Server.start({ dataDir, model: 'none', environment: { HOME: dataDir } });
}

/** The row of a model. */
function row(page: Page, id: string): Locator {
  return page.locator(`[data-testid=model][data-id="${id}"]`);
}

/** The shared server's models are those of other tests: these have their own. */
async function withLibrary(browser: Browser, journey: (page: Page, server: Server) => Promise<void>): Promise<void> {
  const server = await library();
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/models');
  await journey(page, server);
  await context.close();
  await server.stop();
}

async function takeOffered(page: Page): Promise<void> {
  const offer = page.getByTestId('models-offered').filter({ hasText: 'lmstudio' });
  await offer.getByTestId('models-offer-yes').click();
  await expect(row(page, 'lmstudio/maker/Small/Small-Q8_0')).toBeVisible();
  await expect(offer).toHaveCount(0);
}

test('models of another program are offered, shown where they are, and put away again', async ({ browser }) => {
  await withLibrary(browser, async (page, server) => {
    await expect(page.getByTestId('model')).toHaveCount(2);
    await expect(row(page, 'broken').getByTestId('model-problem')).toContainText('not a GGUF');
    await takeOffered(page);
    const folder = page.getByTestId('model-folder-row').filter({ hasText: 'lmstudio' });
    await folder.getByTestId('folder-on').uncheck();
    await expect(page.getByTestId('model')).toHaveCount(2);
    await page.reload();
    await expect(page.getByTestId('model')).toHaveCount(2);
    await folder.getByTestId('folder-remove').click();
    await expect(page.getByTestId('models-offered').filter({ hasText: 'lmstudio' })).toBeVisible();
    expect(existsSync(join(server.dataDir, ...STUDIO, 'Small-Q8_0.gguf'))).toBe(true);
    await page.locator('#folder-path').fill(join(server.dataDir, '.lmstudio'));
    await page.locator('#folder-label').fill('Mine');
    await page.getByTestId('folder-form').getByRole('button').click();
    await expect(row(page, 'Mine/models/maker/Small/Small-Q8_0')).toBeVisible();
    await page.locator('#folder-path').fill('nowhere');
    await page.getByTestId('folder-form').getByRole('button').click();
    await expect(page.getByTestId('toast').filter({ hasText: 'whole path' })).toBeVisible();
  });
});

test('the library is searched, filtered and sorted, and the address says how', async ({ browser }) => {
  await withLibrary(browser, async page => {
    await takeOffered(page);
    await page.getByTestId('models-search').fill('small q8_0');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('model')).toHaveCount(1);
    await expect(page).toHaveURL(/\?q=small/);
    await page.getByTestId('models-search').fill('no such words');
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('models-none-found')).toBeVisible();
    await page.goto('/models?in=lmstudio&kind=writing&format=gguf');
    await expect(page.getByTestId('model')).toHaveCount(1);
    await expect(page.getByTestId('filter-kind')).toHaveValue('writing');
    await open(page, '/models');
    await page.getByRole('columnheader', { name: 'Size' }).getByRole('link').click();
    await expect(page).toHaveURL(/sort=size/);
    await expect(page.getByTestId('model').first()).toHaveAttribute('data-id', 'broken');
    await page.getByTestId('models-desc').check();
    await expect(page.getByTestId('model').last()).toHaveAttribute('data-id', 'broken');
    await page.getByTestId('filter-kind').selectOption('image');
    await expect(page.getByTestId('model')).toHaveCount(0);
  });
});

test('a model tells what it is, is tagged, loaded, deleted and put back', async ({ browser }) => {
  await withLibrary(browser, async (page, server) => {
    await row(page, 'Own-Model').getByRole('link').click();
    await expect(page).toHaveURL(/model=Own(-|%2D)Model/);
    const facts = page.getByTestId('model-facts');
    await expect(facts).toContainText('134.5 M');
    await expect(facts).toContainText('Q8_0');
    await expect(facts).toContainText('8192 tokens');
    await expect(facts).toContainText(server.dataDir);
    await expect(page.getByTestId('model-tensors')).toContainText('F32');
    await page.getByTestId('model-values').locator('summary').click();
    await expect(page.getByTestId('model-values')).toContainText('general.architecture');
    await page.getByTestId('model-template').locator('summary').click();
    await expect(page.getByTestId('model-template')).toContainText('im_start');

    await page.locator('#model-note').fill('<b>quick</b>');
    await page.locator('#model-tags').fill('tiny, first');
    await page.getByTestId('model-note-form').getByRole('button').click();
    await expect(page.getByTestId('model-tag')).toHaveText(['first', 'tiny']);
    await page.reload();
    await expect(page.locator('#model-note')).toHaveValue('<b>quick</b>');

    await page.getByTestId('model-load').click();
    await expect(page.getByTestId('model-loaded')).toBeVisible({ timeout: 30_000 });
    await page.getByTestId('model-delete').click();
    await expect(page.getByTestId('model-delete-dialog')).toContainText('unloaded first');
    await page.getByTestId('model-delete-yes').click();
    await expect(page).toHaveURL(/\/models$/);
    await expect(row(page, 'Own-Model')).toHaveCount(0);
    const file = join(server.dataDir, 'models', 'Own-Model.gguf');
    expect(existsSync(file)).toBe(false);
    await page.getByTestId('trash-restore').click();
    await expect(row(page, 'Own-Model')).toBeVisible();
    expect(existsSync(file)).toBe(true);
    await page.goto('/models?model=gone');
    await expect(page.getByRole('heading', { name: 'This model is not there' })).toBeVisible();
  });
});

test('what else uses a model is said before it is deleted', async ({ browser }) => {
  await withLibrary(browser, async (page, server) => {
    symlinkSync(join(server.dataDir, 'models', 'Own-Model.gguf'), join(server.dataDir, 'models', 'Link.gguf'));
    await open(page, '/models?model=Own-Model');
    await page.getByTestId('model-load').click();
    await expect(page.getByTestId('model-loaded')).toBeVisible({ timeout: 30_000 });
    await open(page, '/chat');
    await sendAndStop(page, LONG);
    await expect(async () => {
      await open(page, '/models?model=Own-Model');
      await page.getByTestId('model-delete').click();
      await expect(page.getByTestId('model-delete-dialog')).toContainText('Link are links to it', { timeout: 2_000 });
    }).toPass({ timeout: 30_000 });
    await expect(page.getByTestId('model-delete-dialog')).toContainText('It answered last in 1 chats');
    await expect(page.getByTestId('model-delete-dialog')).toContainText('is unloaded first');
    await accessible(page);
  });
});

test('a model is written anew with fewer bits, and loaded', async ({ browser }) => {
  await withLibrary(browser, async page => {
    await open(page, '/models?model=Own-Model');
    await page.locator('#model-rewrite-to').selectOption('Q6_K');
    await page.getByTestId('model-rewrite').getByRole('button').click();
    await expect(page.getByTestId('toast')).toContainText('has begun');
    await open(page, '/models');
    const written = row(page, 'converted/Own-Model-Q6_K');
    await expect(written).toContainText('Q6_K', { timeout: 60_000 });
    await written.getByTestId('model-load').click();
    await expect(written.getByTestId('model-loaded')).toBeVisible({ timeout: 30_000 });
    // What that cost is measured behind it.
    await open(page, '/models?model=converted/Own-Model-Q6_K');
    await expect(page.getByTestId('written')).toContainText('Own-Model');
    await expect(page.getByTestId('written-sizes')).toContainText(/MB before, .* MB now/);
    await expect(async () => {
      await page.reload();
      await expect(page.getByTestId('written-cost')).toContainText(/Same next token [0-9.]+%.*Perplexity [0-9.]+ → [0-9.]+/, { timeout: 2_000 });
    }).toPass({ timeout: 60_000 });
    await accessible(page);
  });
});

/** Writes the model of the page anew. */
async function writeAnew(page: Page, to: string): Promise<void> {
  await page.locator('#model-rewrite-to').selectOption(to);
  await page.getByTestId('model-rewrite').getByRole('button').click();
}

test('a folder of safetensors becomes a file that answers, and a folder for MLX', async ({ browser }) => {
  await withLibrary(browser, async (page, server) => {
    writeFolder(join(server.dataDir, 'models', 'Tiny'), 'smollm');
    await expect(row(page, 'Tiny')).toBeVisible();
    await open(page, '/models?model=Tiny');
    const facts = page.getByTestId('model-facts');
    await expect(facts).toContainText('2048 tokens');
    await expect(page.getByTestId('model-tensors')).toContainText('F32');
    await page.getByTestId('model-values').locator('summary').click();
    await expect(page.getByTestId('model-values')).toContainText('num_attention_heads');
    await accessible(page);

    await writeAnew(page, 'F16');
    await open(page, '/models');
    const file = row(page, 'converted/Tiny-F16');
    await expect(file).toContainText('F16', { timeout: 60_000 });
    await file.getByTestId('model-chat').click();
    await expect(page.getByTestId('model-name')).toHaveText('Tiny-F16');
    await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
    await send(page, SHORT);
    await answered(page);

    await open(page, '/models?model=Tiny');
    await writeAnew(page, 'MLX-4bit');
    await open(page, '/models');
    await expect(row(page, 'converted/Tiny-MLX-4bit')).toContainText('4 bits', { timeout: 60_000 });
    await open(page, '/models?model=converted/Tiny-MLX-4bit');
    await expect(facts).toContainText('2048 tokens');
    await expect(page.getByTestId('model-tensors')).toContainText('U32');
  });
});

test('why a model cannot be written anew is said where it was begun', async ({ browser }) => {
  await withLibrary(browser, async (page, server) => {
    writeFolder(join(server.dataDir, 'models', 'Lacking'), 'smollm', ['model.layers.0.mlp.up_proj.weight']);
    await expect(row(page, 'Lacking')).toBeVisible();
    await open(page, '/models?model=Lacking');
    await writeAnew(page, 'Q8_0');
    await expect(page.getByTestId('toast').filter({ hasText: 'is missing from the weights' })).toBeVisible();
    expect(existsSync(join(server.dataDir, 'models', 'converted', 'Lacking-Q8_0.gguf'))).toBe(false);
  });
});

test('a model is divided into parts and put together again, byte for byte', async ({ browser }) => {
  await withLibrary(browser, async (page, server) => {
    await open(page, '/models?model=Own-Model');
    await page.getByTestId('model-split').getByRole('button').click();
    await open(page, '/models');
    await page.getByTestId('models-look').click();
    await expect(page).toHaveURL(/cards=1/);
    await page.getByTestId('models-search').fill('own');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/q=own.*cards=1/);
    const parts = row(page, 'converted/Own-Model-split');
    await expect(parts).toContainText('2 files', { timeout: 60_000 });
    await accessible(page);
    await parts.getByRole('link').first().click();
    await page.getByTestId('model-merge').click();
    await open(page, '/models');
    const whole = row(page, 'converted/Own-Model');
    await expect(whole).toBeVisible({ timeout: 60_000 });
    const [first, again] = ['Own-Model.gguf', join('converted', 'Own-Model.gguf')].map(name => join(server.dataDir, 'models', name));
    expect(readFileSync(again).equals(readFileSync(first))).toBe(true);
    await parts.getByTestId('model-load').click();
    await expect(parts.getByTestId('model-loaded')).toBeVisible({ timeout: 30_000 });
  });
});

test('what fewer bits cost is measured here, and the figures say which to take', async ({ browser }) => {
  test.setTimeout(200_000);
  await withLibrary(browser, async (page, server) => {
    await open(page, '/models?model=Own-Model');
    await expect(page.getByTestId('quant')).toHaveCount(0);
    await page.getByTestId('quants-measure').click();
    // The first two are enough here: all of them take minutes.
    await expect(page.getByTestId('quant').nth(1)).toContainText(/tokens\/s/, { timeout: 180_000 });
    await expect(page.getByTestId('quant').first()).toContainText('Q6_K');
    await expect(page.getByTestId('quant-best')).toHaveCount(1);
    const best = page.getByTestId('quant').filter({ has: page.getByTestId('quant-best') });
    await expect(best.getByTestId('quant-reason')).toBeVisible();
    await expect(best).toHaveAttribute('data-front', 'true');
    await expect(page.getByTestId('quants-front')).toBeVisible();
    await accessible(page);
    await page.reload();
    await expect(page.getByTestId('quant').first()).toContainText('Q6_K');
    // Nothing of what was measured is left but figures.
    const names = (await page.request.get(`${server.address}/models`)).text();
    expect(await names).not.toContain('.quants');
  });
});

test('an importance matrix lets a model be written with the fewest bits, and what that costs says so', async ({ browser }) => {
  test.setTimeout(400_000);
  await withLibrary(browser, async (page, server) => {
    const matrix = join(server.dataDir, 'importance.dat');
    writeImatrix(matrix);
    const told = (text: string): Locator => page.getByTestId('toast').filter({ hasText: text });
    await open(page, '/models?model=Own-Model');
    await writeAnew(page, 'IQ3_XXS');
    await expect(told('needs an importance matrix')).toBeVisible();
    const path = page.locator('#model-rewrite-imatrix');
    await path.fill('importance.dat');
    await writeAnew(page, 'IQ3_XXS');
    await expect(told('whole path')).toBeVisible();
    await path.fill(join(server.dataDir, 'models', 'broken.gguf'));
    await writeAnew(page, 'IQ3_XXS');
    await expect(told('cannot be used')).toBeVisible();
    await path.fill(matrix);
    await writeAnew(page, 'IQ3_XXS');
    await expect(told('has begun')).toBeVisible();
    await open(page, '/models');
    const written = row(page, 'converted/Own-Model-IQ3_XXS');
    await expect(written).toBeVisible({ timeout: 120_000 });
    await written.getByTestId('model-chat').click();
    await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
    await sendAndStop(page, LONG);

    // What that cost is measured behind it, and one model is measured at a time.
    await expect(async () => {
      await open(page, '/models?model=converted/Own-Model-IQ3_XXS');
      await expect(page.getByTestId('written-cost')).toContainText('Same next token', { timeout: 2_000 });
    }).toPass({ timeout: 150_000 });
    await open(page, '/models?model=Own-Model');
    await page.getByTestId('quants-imatrix').fill(matrix);
    await page.getByTestId('quants-measure').click();
    const measured = page.getByTestId('quant').first();
    await expect(measured).toContainText('importance matrix', { timeout: 150_000 });
    await accessible(page);
  });
});

test('a model is loaded for a chat from the library', async ({ browser }) => {
  await withLibrary(browser, async page => {
    await row(page, 'Own-Model').getByTestId('model-launch').click();
    await expect(page.getByTestId('launch-panel')).toContainText('Own-Model');
    await page.keyboard.press('Escape');
    await row(page, 'Own-Model').getByTestId('model-chat').click();
    await expect(page).toHaveURL(/\/chat$/);
    await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
    await expect(page.getByTestId('model-name')).toHaveText('Own-Model');
  });
});

test('files that are there twice are found and become one on the disk', async ({ browser }) => {
  await withLibrary(browser, async (page, server) => {
    await takeOffered(page);
    const twice = Buffer.alloc(2_000_000, 'no model, but a large file');
    const [first, second] = [join(server.dataDir, 'models', 'first.gguf'), join(server.dataDir, ...STUDIO, 'second.gguf')];
    writeFileSync(first, twice);
    writeFileSync(second, twice);
    await page.getByTestId('models-compare').click();
    const same = page.getByTestId('models-same-row').filter({ hasText: 'first = lmstudio/maker/Small/second' });
    await expect(same).toContainText('frees 2 MB', { timeout: 60_000 });
    await same.getByTestId('models-link').click();
    await expect(same).toContainText('one file on the disk', { timeout: 60_000 });
    expect(statSync(second).ino).toBe(statSync(first).ino);
  });
});

test('what comes and goes in a folder is seen at once', async ({ browser }) => {
  await withLibrary(browser, async (page, server) => {
    await expect(page.getByTestId('bring')).toBeVisible();
    const file = join(server.dataDir, 'models', 'Arrived.gguf');
    copyFileSync(required('CHAOSENGINE_TEST_MODEL'), file);
    await expect(row(page, 'Arrived')).toBeVisible();
    rmSync(file);
    await expect(row(page, 'Arrived')).toHaveCount(0);

    // Whoever writes in a form is not disturbed, and sees it when the form is left.
    const other = await page.context().newPage();
    await open(other, '/models');
    await page.locator('#folder-path').fill('half a pa');
    copyFileSync(required('CHAOSENGINE_TEST_MODEL'), file);
    await expect(row(other, 'Arrived')).toBeVisible();
    await page.locator('#folder-path').press('End');
    await page.locator('#folder-path').pressSequentially('th');
    await expect(page.locator('#folder-path')).toHaveValue('half a path');
    await page.locator('#folder-label').focus();
    await expect(page.locator('#folder-path')).toHaveValue('half a path');
    await page.locator('#folder-label').blur();
    await expect(row(page, 'Arrived')).toBeVisible();
  });
});

test('models of this machine are brought into our own folder', async ({ browser }) => {
  await withLibrary(browser, async (page, server) => {
    const elsewhere = join(server.dataDir, 'elsewhere');
    mkdirSync(elsewhere);
    copyFileSync(required('CHAOSENGINE_TEST_MODEL'), join(elsewhere, 'Brought.gguf'));
    await page.locator('#bring-path').fill(join(elsewhere, 'Brought.gguf'));
    await page.locator('#bring-how').selectOption('copy');
    await page.getByTestId('bring-form').getByRole('button').click();
    await expect(row(page, 'Brought')).toBeVisible({ timeout: 30_000 });
    await page.getByTestId('bring-form').getByRole('button').click();
    await expect(page.getByTestId('toast').filter({ hasText: 'a model called Brought.gguf already' })).toBeVisible();
    await page.locator('#bring-path').fill(join(elsewhere, 'missing.gguf'));
    await page.getByTestId('bring-form').getByRole('button').click();
    await expect(page.getByTestId('toast').filter({ hasText: 'missing.gguf' })).toBeVisible();

    await takeOffered(page);
    await row(page, 'lmstudio/maker/Small/Small-Q8_0').getByRole('link').click();
    await page.locator('#model-adopt-how').selectOption('hard_link');
    await page.getByTestId('model-adopt').getByRole('button').click();
    await open(page, '/models');
    await expect(row(page, 'Small-Q8_0')).toBeVisible();
    const [there, here] = [join(server.dataDir, ...STUDIO, 'Small-Q8_0.gguf'), join(server.dataDir, 'models', 'Small-Q8_0.gguf')];
    expect(statSync(here).ino).toBe(statSync(there).ino);
  });
});

test.describe('a model is sent by a browser', () => {
  test.use({ expectedErrors: [/net::ERR/, /status of 422/] });

  test('and goes on where the connection broke', async ({ browser }) => {
    await withLibrary(browser, async (page, server) => {
      const offsets: number[] = [];
      let broken = 0;
      await page.route(/\/files\/models.*offset=/, route => {
        const offset = Number(new URL(route.request().url()).searchParams.get('offset'));
        // It breaks once, and then, far into the file, for good.
        if ((offset > 0 && broken === 0) || offset > 60_000_000) {
          broken += 1;
          return route.abort();
        }
        offsets.push(offset);
        return route.continue();
      });
      const model = { name: 'Sent.gguf', path: join(server.dataDir, 'Sent.gguf') };
      copyFileSync(required('CHAOSENGINE_TEST_MODEL'), model.path);
      await page.getByTestId('upload-model').setInputFiles(model.path);
      await expect.poll(() => broken, { timeout: 60_000 }).toBeGreaterThan(1);
      await page.reload();
      await page.unrouteAll();
      const resumed = page.waitForRequest(/\/files\/models.*offset=/);
      await expect(page.getByTestId('bring')).toBeVisible();
      await page.getByTestId('upload-model').setInputFiles(model.path);
      const first = Number(new URL((await resumed).url()).searchParams.get('offset'));
      expect(first).toBeGreaterThan(60_000_000);
      expect(offsets[0]).toBe(0);
      await expect(row(page, 'Sent')).toBeVisible({ timeout: 60_000 });
      expect(statSync(join(server.dataDir, 'models', 'Sent.gguf')).size).toBe(statSync(model.path).size);

      const noise = Buffer.alloc(1_000, 'no model');
      await page.getByTestId('upload-model').setInputFiles({ name: 'noise.gguf', mimeType: 'application/octet-stream', buffer: noise });
      await expect(page.getByTestId('upload').filter({ hasText: 'noise.gguf' })).toContainText('cannot be used');
    });
  });
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`everybody can use the library: ${colorScheme}`, async ({ browser }) => {
    await withLibrary(browser, async page => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      for (const [width, height] of [
        [1440, 900],
        [360, 780],
      ] as const) {
        await page.setViewportSize({ width, height });
        await open(page, '/models');
        await accessible(page);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        await open(page, '/models?model=Own-Model');
        await accessible(page);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      }
    });
  });
}

test('whom a proxy speaks for sees models, but neither folders nor places', async ({ browser }) => {
  const server = await library();
  const context = await browser.newContext({ baseURL: server.address, extraHTTPHeaders: { 'x-forwarded-for': '10.0.0.9' } });
  const page = await context.newPage();
  await open(page, '/models');
  await expect(row(page, 'Own-Model')).toBeVisible();
  await expect(page.getByTestId('models-offered')).toHaveCount(0);
  await expect(page.getByTestId('model-folders')).toHaveCount(0);
  await open(page, '/models?model=Own-Model');
  await expect(page.getByTestId('model-facts')).not.toContainText(server.dataDir);
  await expect(page.getByTestId('model-delete')).toHaveCount(0);
  await context.close();
  await server.stop();
});

test('the library can be read and searched without scripting', async ({ browser }) => {
  const server = await library();
  const context = await browser.newContext({ baseURL: server.address, javaScriptEnabled: false, locale: 'de-DE' });
  const page = await context.newPage();
  await page.goto('/models');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Modelle');
  await page.getByTestId('models-search').fill('broken');
  await page.getByTestId('models-search').press('Enter');
  await expect(page.getByTestId('model')).toHaveCount(1);
  await context.close();
  await server.stop();
});
