// Words in the message box that stand for something: commands, prompts, models, collections.

import type { Locator, Page } from '@playwright/test';
import {
  accessible,
  answered,
  answers,
  chooseModel,
  composer,
  expect,
  lastAnswer,
  open,
  send,
  sendAndStop,
  SHORT,
  test,
  withSecondModel,
} from '../support/test';

function named(page: Page): Locator {
  return page.getByTestId('named');
}

async function writePrompt(page: Page, name: string, body: string): Promise<void> {
  await open(page, '/prompts/new');
  await page.locator('#prompt-name').fill(name);
  await page.locator('#prompt-body').fill(body);
  await page.getByTestId('prompt-save').click();
  await expect(page.getByTestId('prompt-name')).toHaveText(`/${name}`);
}

test('a slash lists commands and prompts, and the keys of the box choose', async ({ page }) => {
  await writePrompt(page, 'plain-words', 'Say it in plain words.');
  await open(page, '/chat');
  await composer(page).pressSequentially('/');
  await expect(named(page).filter({ hasText: '/model' })).toBeVisible();
  await composer(page).pressSequentially('plain');
  // What begins like the word comes before what only has it somewhere.
  await expect(named(page).first()).toContainText('/plain-words');
  await expect(named(page).first()).toHaveAttribute('aria-selected', 'true');
  await expect(composer(page)).toHaveAttribute('aria-activedescendant', 'named-0');
  await accessible(page);
  await composer(page).press('Enter');
  await expect(composer(page)).toHaveValue('Say it in plain words.');
  await expect(named(page)).toHaveCount(0);
  await composer(page).fill('');
});

test('the variables of a prompt are asked for above the box', async ({ page }) => {
  await writePrompt(page, 'welcome-somebody', 'Welcome {{who}} kindly.');
  await open(page, '/chat');
  await composer(page).pressSequentially('/welcome-some');
  await named(page).click();
  const form = page.getByTestId('named-form');
  await form.getByLabel('who').fill('<b>Ada</b>');
  await form.getByTestId('named-insert').click();
  await expect(composer(page)).toHaveValue('Welcome <b>Ada</b> kindly.');
  await expect(form).toHaveCount(0);
  await composer(page).fill('');
});

test('a wrong number is refused where the variables of a prompt are asked for', async ({ page }) => {
  await open(page, '/prompts/new');
  await page.locator('#prompt-name').fill('count-up');
  await page.locator('#prompt-body').fill('Count to {{last}}.');
  await page.getByTestId('variable-kind').selectOption('number');
  await page.getByTestId('prompt-save').click();
  await expect(page.getByTestId('prompt-name')).toHaveText('/count-up');
  await open(page, '/chat');
  await composer(page).pressSequentially('/count-u');
  await named(page).click();
  const form = page.getByTestId('named-form');
  await form.getByLabel('last').fill('many');
  await expect(form.getByTestId('named-insert')).toBeDisabled();
  await expect(form.getByRole('alert')).toHaveText('This must be a number.');
  await form.getByLabel('last').fill('12');
  // The key is for the form, and sends nothing.
  await form.getByLabel('last').press('Enter');
  await expect(composer(page)).toHaveValue('Count to 12.');
  await expect(page).toHaveURL(/\/chat$/);
  await composer(page).fill('');
});

test('commands act: another model, a new chat, a file', async ({ page }) => {
  await open(page, '/chat');
  await sendAndStop(page, 'A chat to be exported');
  await expect(page).toHaveURL(/\/chat\/\d+/);
  const saved = page.waitForEvent('download');
  await composer(page).pressSequentially('/export');
  await expect(named(page).first()).toContainText('/export');
  await composer(page).press('Enter');
  expect((await saved).suggestedFilename()).toMatch(/\.md$/);
  await composer(page).pressSequentially('/model');
  await expect(named(page).first()).toContainText('/model');
  await composer(page).press('Enter');
  await expect(page.getByRole('dialog', { name: 'Choose a model' })).toBeVisible();
  await page.keyboard.press('Escape');
  await composer(page).pressSequentially('/clear');
  await expect(named(page).first()).toContainText('/clear');
  await composer(page).press('Enter');
  await expect(page).toHaveURL(/\/chat$/);
  await expect(composer(page)).toHaveValue('');
});

test('a command opens the setup of the chat, and a name chooses the model', async ({ page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  await open(page, '/chat');
  await sendAndStop(page, 'A chat to be set up');
  await expect(page).toHaveURL(/\/chat\/\d+/);
  await composer(page).pressSequentially('Hello @smol');
  await expect(named(page).first()).toContainText(/smol/i);
  await composer(page).press('Tab');
  await expect(composer(page)).toHaveValue('Hello ');
  await expect(page.getByTestId('model-pill')).toContainText(/smol/i);
  await composer(page).fill('');
  await composer(page).pressSequentially('/system');
  await expect(named(page).first()).toContainText('/system');
  await composer(page).press('Enter');
  await expect(page).toHaveURL(/\/chat\/\d+\/setup$/);
  await page.locator('input[name=samplers]').fill('top_k heat');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByTestId('setup-problem')).toContainText('samplers cannot have “heat”');
  await page.locator('input[name=samplers]').fill('top_k temperature');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByTestId('setup-link')).toContainText('samplers top_k temperature');
});

test('another warm model answers one message, whose tokens it counts, and the chat keeps its own', async ({ browser }) => {
  await withSecondModel(browser, async page => {
    const name = await page.getByTestId('model-name').innerText();
    // Another context than that of the first, to tell whose is shown.
    await page.getByTestId('model-pill').click();
    await page.getByTestId('model-row').filter({ hasText: 'Second-Model' }).getByTestId('model-launch').click();
    await page.getByTestId('launch-context').selectOption('4096');
    await page.getByTestId('launch-load').click();
    await expect(page.getByTestId('model-name')).toHaveText('Second-Model');
    await expect(page.getByTestId('model-state')).toHaveAttribute('data-state', 'ready', { timeout: 30_000 });
    await chooseModel(page, name);
    await send(page, SHORT);
    await answered(page);
    const [bar, next] = [page.getByTestId('context'), page.getByTestId('answers-next')];
    await expect(bar).toContainText('of 8192 tokens');

    const choose = async () => {
      await composer(page).fill('');
      await composer(page).pressSequentially('And now? @Second');
      await named(page).filter({ hasText: 'Answers this message alone' }).click();
      await expect(composer(page)).toHaveValue('And now? ');
      await expect(next).toContainText('Second-Model');
      await expect(bar).toContainText('of 4096 tokens');
    };
    await choose();
    await page.getByTestId('answers-next-not').click();
    await expect(next).toHaveCount(0);
    await expect(bar).toContainText('of 8192 tokens');
    await choose();
    await composer(page).press('Enter');
    await expect(answers(page)).toHaveCount(2);
    await answered(page);
    const usage = lastAnswer(page).getByTestId('usage');
    await expect(usage).toContainText('Second-Model');
    await expect(next).toHaveCount(0);
    await expect(page.getByTestId('model-name')).toHaveText(name);
    await expect(bar).toContainText('of 8192 tokens');

    await send(page, SHORT);
    await expect(answers(page)).toHaveCount(3);
    await answered(page);
    await expect(usage).toContainText(name);
  });
});

test('a collection is named in a message, and the words before it stay', async ({ page }) => {
  await open(page, '/documents');
  await page.getByTestId('new-collection').getByRole('textbox').fill('Lamps');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('collection-name')).toHaveText('Lamps');
  await open(page, '/chat');
  await composer(page).pressSequentially('What is in #lam');
  await expect(named(page)).toHaveCount(1);
  await composer(page).press('Tab');
  await expect(page).toHaveURL(/\/chat\/\d+/);
  await expect(page.getByTestId('chat-documents-n')).toHaveText('1');
  await expect(composer(page)).toHaveValue('What is in ');
});

test('a name that only has the word somewhere is taken by arrows, not by the key that sends', async ({ page }) => {
  await open(page, '/chat');
  await composer(page).pressSequentially('Three lamps @mol');
  await expect(named(page).first()).toContainText(/smol/i);
  await expect(named(page).first()).toHaveAttribute('aria-selected', 'false');
  await expect(composer(page)).toHaveAttribute('aria-controls', 'named-list');
  await expect(composer(page)).not.toHaveAttribute('aria-activedescendant', /./);
  await composer(page).press('ArrowDown');
  await expect(named(page).first()).toHaveAttribute('aria-selected', 'true');
  await expect(composer(page)).toHaveAttribute('aria-activedescendant', 'named-0');
  await composer(page).fill('');
  await expect(named(page)).toHaveCount(0);
  await expect(composer(page)).not.toHaveAttribute('aria-controls', /./);
});

test('what names nothing is written and sent as it is', async ({ page }) => {
  await open(page, '/chat');
  await composer(page).pressSequentially('/etc/hosts');
  await expect(page.getByTestId('named-list')).toHaveCount(0);
  await composer(page).fill('');
  await composer(page).pressSequentially('/mod');
  await expect(named(page).first()).toBeVisible();
  await composer(page).press('Escape');
  await expect(named(page)).toHaveCount(0);
  await sendAndStop(page, '/nothing is called this');
  await expect(page.locator('[data-role=user]')).toHaveText(/\/nothing is called this/);
});
