import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder, required, Server } from '../support/server';
import { accessible, answered, chooseModel, expect, open, send, SHORT, test, withSecondModel } from '../support/test';

test('another model of the library is chosen in the status bar, and loading it is a job', async ({ browser }) => {
  const dataDir = freshFolder();
  mkdirSync(join(dataDir, 'models'));
  copyFileSync(required('CHAOSENGINE_TEST_MODEL'), join(dataDir, 'models', 'Second-Model.gguf'));
  writeFileSync(join(dataDir, 'models', 'Broken-Model.gguf'), 'this is no model');
  const server = await (await Server.start({ dataDir })).ready();
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/chat');
  await page.getByTestId('model-pill').click();
  const option = (name: string) => page.getByTestId('model-option').filter({ hasText: name });
  await expect(option('Broken-Model')).toBeDisabled();
  await option('Second-Model').click();
  await expect(page.getByTestId('model-name')).toHaveText('Second-Model');
  await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
  await page.getByTestId('jobs-button').click();
  await expect(page.getByTestId('job').filter({ hasText: 'Second-Model' })).toHaveAttribute('data-state', 'done');
  await page.keyboard.press('Escape');
  await send(page, SHORT);
  await answered(page);
  await expect(page.getByTestId('usage')).toContainText('Second-Model');
  await context.close();
  await server.stop();

  // What was chosen last is loaded again.
  const again = await Server.start({ dataDir, model: 'last' });
  await again.ready();
  const reply = await fetch(`${again.address}/health`);
  expect(await reply.text()).toContain('Second-Model');
  await again.stop();
});

test('two models are in memory together; one is kept and the other unloaded in the list', async ({ browser }) => {
  await withSecondModel(browser, async page => {
    const first = await page.getByTestId('model-name').innerText();
    const row = (name: string) => page.getByTestId('model-row').filter({ hasText: name });
    await chooseModel(page, 'Second-Model');

    await page.getByTestId('model-pill').click();
    for (const name of [first, 'Second-Model']) {
      await expect(row(name)).toHaveAttribute('data-state', 'ready');
      await expect(row(name)).toContainText(/[0-9] (MB|GB) of memory/);
    }
    await row(first).getByRole('button', { name: `Keep ${first} in memory` }).click();
    await expect(row(first).getByRole('button', { name: `Let ${first} go when memory is needed` })).toBeVisible();
    await row('Second-Model').getByRole('button', { name: 'Unload Second-Model' }).click();
    await expect(row('Second-Model').getByTestId('model-unload')).toHaveCount(0);
    // The one that stays answers from now on.
    await expect(page.getByTestId('model-name')).toHaveText(first);
    await page.keyboard.press('Escape');
    await send(page, SHORT);
    await answered(page);
    await expect(page.getByTestId('usage')).toContainText(first);
  });
});

test('what loading would do is told before, and what fits is a click away', async ({ browser }) => {
  // The file, and not what its whole context takes.
  const server = await Server.start({ more: ['--model-memory', '450M'] });
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/chat');
  await page.getByTestId('model-pill').click();
  await page.getByTestId('model-row').first().getByTestId('model-launch').click();
  const fate = page.getByTestId('launch-fate');
  await expect(fate).toHaveAttribute('data-state', 'too-large');
  await expect(fate).toContainText('are missing');
  await expect(page.getByTestId('launch-parts')).toContainText('Keys and values');
  await accessible(page);
  const memory = await page.getByTestId('launch-memory').innerText();
  await page.getByTestId('launch-alternative').first().click();
  await expect(fate).toHaveAttribute('data-state', 'fits');
  await expect(page.getByTestId('launch-memory')).not.toHaveText(memory);
  await page.getByTestId('launch-preset-small').click();
  await expect(page.getByTestId('launch-preset-small')).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByTestId('launch-context')).toHaveValue('2048');
  await page.getByTestId('launch-more').click();
  await expect(page.getByTestId('launch-batch')).toHaveValue('128');
  await page.getByTestId('launch-chat').click();
  await expect(page).toHaveURL(/\/chat$/);
  await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
  await context.close();
  await server.stop();
});

test('threads, batch and the chat template are chosen, and a template that is none is refused', async ({ browser }) => {
  const server = await (await Server.start()).ready();
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/chat');
  const openPanel = async () => {
    await page.getByTestId('model-pill').click();
    await page.getByTestId('model-row').first().getByTestId('model-launch').click();
    await expect(page.getByTestId('launch-fate')).toBeVisible();
  };
  await openPanel();
  await expect(page.getByTestId('launch-fate')).toHaveAttribute('data-state', 'there');
  await page.getByTestId('launch-more').click();
  await page.getByTestId('launch-threads').fill('1');
  await page.getByTestId('launch-batch').selectOption('64');
  await page.getByTestId('launch-template').check();
  await expect(page.getByTestId('launch-template-text')).toHaveValue(/im_start/);
  await page.getByTestId('launch-template-text').fill('{% for it in messages %}Somebody: {{ it.content }}\n{% endfor %}Answer:');
  await page.getByTestId('launch-load').click();
  await expect(page.getByTestId('launch-panel')).toBeHidden();
  await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
  await send(page, SHORT);
  await answered(page);
  await page.getByTestId('saw-link').click();
  await expect(page.getByTestId('saw')).toContainText(`Somebody: ${SHORT}`);
  await page.goBack();

  await openPanel();
  await expect(page.getByTestId('launch-threads')).toHaveValue('1');
  await page.getByTestId('launch-template-text').fill('{% for it in %}');
  await page.getByTestId('launch-load').click();
  await page.getByTestId('jobs-button').click();
  await expect(page.getByTestId('job').first()).toContainText('chat template that was chosen is none', { timeout: 30_000 });
  await context.close();
  await server.stop();
});

test('how a model is loaded is chosen in its panel, with what was measured on this machine', async ({ browser }) => {
  test.setTimeout(150_000);
  const dataDir = freshFolder();
  mkdirSync(join(dataDir, 'models'));
  copyFileSync(required('CHAOSENGINE_TEST_MODEL'), join(dataDir, 'models', 'Guesser.gguf'));
  const measured = ['measure', 'draft', required('CHAOSENGINE_TEST_MODEL'), 'Guesser'];
  const environment = { ...process.env, CHAOSENGINE_HOME: dataDir };
  const table = execFileSync(required('CHAOSENGINE_BIN'), measured, { env: environment, encoding: 'utf8' });
  const [guessed] = /[0-9.]+/.exec(table.split('\n')[1] ?? '') ?? [''];
  const server = await (await Server.start({ dataDir })).ready();
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  await open(page, '/chat');
  const name = await page.getByTestId('model-name').innerText();
  const openPanel = async () => {
    await page.getByTestId('model-pill').click();
    await page.getByTestId('model-row').filter({ hasText: name }).getByTestId('model-launch').click();
    await expect(page.getByTestId('launch-memory')).toContainText(/about [0-9.]+ (MB|GB) of memory/);
  };
  await openPanel();
  const row = (name: string) => page.getByTestId('launch-kv-type').filter({ has: page.getByText(name, { exact: true }) });
  await expect(row('q8')).toContainText('not measured');
  const memory = await page.getByTestId('launch-memory').innerText();
  await page.getByTestId('launch-context').selectOption('2048');
  await expect(page.getByTestId('launch-memory')).not.toHaveText(memory);
  await row('q8').getByRole('radio').check();
  await expect(page.getByTestId('launch-draft-measured')).toHaveText('');
  await page.getByTestId('launch-draft').selectOption('Guesser');
  await expect(page.getByTestId('launch-draft-measured')).toContainText(`${guessed} tokens/s`);
  await page.getByTestId('launch-load').click();
  await expect(page.getByTestId('launch-panel')).toBeHidden();
  await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
  await send(page, SHORT);
  await answered(page);

  // It is still chosen after a reload, and measuring brings figures.
  await page.reload();
  await openPanel();
  await expect(page.getByTestId('launch-context')).toHaveValue('2048');
  await expect(page.getByTestId('launch-draft')).toHaveValue('model:Guesser');
  await expect(row('q8').getByRole('radio')).toBeChecked();
  await page.getByTestId('launch-measure').click();
  // The first of the forms is enough here: all of them take minutes.
  await expect(row('f32')).toContainText(/same next token [0-9.]+%/, { timeout: 90_000 });
  await expect(row('q8').getByRole('radio')).toBeChecked();
  await context.close();
  await server.stop();
});
