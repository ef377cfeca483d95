import {
  answered,
  answers,
  composer,
  connected,
  expect,
  lastAnswer,
  LONG,
  open,
  send,
  SHORT,
  streaming,
  test,
  textOf,
} from '../support/test';

test('the first message opens a chat and the model answers', async ({ page }) => {
  await open(page, '/');
  await expect(page).toHaveURL(/\/chat$/);
  await expect(page.getByTestId('chat-empty')).toBeVisible();
  await send(page, SHORT);
  await expect(page).toHaveURL(/\/chat\/\d+$|\/chat\/[0-9a-f-]+$/);
  await answered(page);
  await expect(textOf(lastAnswer(page))).not.toBeEmpty();
  await expect(lastAnswer(page).getByTestId('usage')).toContainText(/tok\/s/);
  await expect(page.getByTestId('session').first()).toContainText('Say hello');
  await expect(composer(page)).toBeFocused();
});

test('Shift+Enter starts a line, Enter sends, an empty message is not sent', async ({ page }) => {
  await open(page, '/chat');
  await composer(page).press('Enter');
  await expect(page.getByTestId('message')).toHaveCount(0);
  await composer(page).fill('one');
  await composer(page).press('Shift+Enter');
  await composer(page).pressSequentially('two');
  await expect(composer(page)).toHaveValue('one\ntwo');
  await composer(page).press('Enter');
  await expect(page.locator('[data-role=user]')).toHaveText(/one\s+two/);
  await answered(page);
});

test('the composer grows with what is written, and not beyond a part of the page', async ({ page }) => {
  await open(page, '/chat');
  const height = async () => (await composer(page).boundingBox())?.height ?? 0;
  const one = await height();
  await composer(page).fill('one\ntwo\nthree');
  await expect.poll(height).toBeGreaterThan(2 * one);
  await composer(page).fill('line\n'.repeat(200));
  const most = (page.viewportSize()?.height ?? 0) * 0.4;
  await expect.poll(height).toBeGreaterThan(most - 2);
  expect(await height()).toBeLessThan(most + 2);
  await expect(page.getByTestId('send')).toBeInViewport();
  await composer(page).fill('');
  await expect.poll(height).toBe(one);
});

test('Escape stops an answer and keeps what was written', async ({ page }) => {
  await open(page, '/chat');
  await send(page, LONG);
  await streaming(page, 10);
  await page.keyboard.press('Escape');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
  await expect(textOf(lastAnswer(page))).not.toBeEmpty();
  await expect(page.getByTestId('send')).toBeVisible();
});

test('an answer can be written again, and the earlier one is kept beside it', async ({ page }) => {
  await open(page, '/chat');
  await send(page, SHORT);
  await answered(page);
  await lastAnswer(page).hover();
  await lastAnswer(page).getByTestId('regenerate').click();
  await expect(lastAnswer(page).getByTestId('variants')).toContainText('2');
  await answered(page);
  await expect(answers(page)).toHaveCount(1);
  await page.reload();
  await expect(lastAnswer(page).getByTestId('variants')).toContainText('2');
});

test('a message can be edited and sent again', async ({ page }) => {
  await open(page, '/chat');
  await send(page, 'Say hello.');
  await answered(page);
  const mine = page.locator('[data-role=user]');
  await mine.hover();
  await mine.getByTestId('edit').click();
  await mine.getByTestId('edit-text').fill('Say hello in five words.');
  await mine.getByTestId('edit-send').click();
  await expect(mine.getByTestId('message-text')).toHaveText('Say hello in five words.');
  await answered(page);
  await expect(page.getByTestId('message')).toHaveCount(2);
});

test('what is written anew is kept where it cannot be sent yet', async ({ page, expectedErrors }) => {
  expectedErrors.push(/status of 409/);
  await open(page, '/chat');
  await send(page, LONG);
  await streaming(page);
  const mine = page.locator('[data-role=user]').first();
  await mine.hover();
  await mine.getByTestId('edit').click();
  await mine.getByTestId('edit-text').fill('Say hello in six words.');
  const refused = page.waitForResponse(response => response.status() === 409);
  await Promise.all([refused, mine.getByTestId('edit-send').click()]);
  await expect(page.getByTestId('toast').first()).toBeVisible();
  await expect(mine.getByTestId('edit-send')).toBeEnabled();
  await expect(mine.getByTestId('edit-text')).toHaveValue('Say hello in six words.');
  await page.getByTestId('stop').click();
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
  await mine.getByTestId('edit-send').click();
  await expect(mine.getByTestId('message-text')).toHaveText('Say hello in six words.');
  await answered(page);
});

test('an answer is copied as it was written', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page, '/chat');
  await send(page, SHORT);
  await answered(page);
  await lastAnswer(page).hover();
  await lastAnswer(page).getByTestId('copy').first().click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied.length).toBeGreaterThan(0);
});

test('a reload in the middle of an answer finds it, and it goes on', async ({ page }) => {
  await open(page, '/chat');
  await send(page, LONG);
  await streaming(page, 40);
  const before = await textOf(lastAnswer(page)).innerText();
  await page.reload();
  await connected(page);
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'running');
  await expect
    .poll(async () => (await textOf(lastAnswer(page)).innerText()).length)
    .toBeGreaterThan(before.length + 20);
  expect((await textOf(lastAnswer(page)).innerText()).startsWith(before.slice(0, 20))).toBe(true);
  await page.keyboard.press('Escape');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
});

test('a second tab shows the same answer while it is written', async ({ page, context }) => {
  await open(page, '/chat');
  await send(page, LONG);
  await streaming(page, 10);
  const second = await context.newPage();
  await open(second, page.url());
  await streaming(second, 40);
  await page.keyboard.press('Escape');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
  await expect(lastAnswer(second)).toHaveAttribute('data-state', 'stopped');
  expect(await textOf(lastAnswer(second)).innerText()).toBe(await textOf(lastAnswer(page)).innerText());
});

test('an answer goes on after its tab is closed', async ({ context }) => {
  // It is a long answer, and nobody may stop it.
  test.slow();
  const first = await context.newPage();
  await open(first, '/chat');
  await send(first, LONG);
  await streaming(first, 5);
  const address = first.url();
  const before = (await textOf(lastAnswer(first)).innerText()).length;
  await first.close();
  const later = await context.newPage();
  await open(later, address);
  await expect(lastAnswer(later)).not.toHaveAttribute('data-state', 'running', { timeout: 180_000 });
  await expect(lastAnswer(later)).toHaveAttribute('data-state', /complete|cut/);
  expect((await textOf(lastAnswer(later)).innerText()).length).toBeGreaterThan(before);
});

test('four pages are answered side by side', async ({ browser, server }) => {
  const pages = await Promise.all(
    [0, 1, 2, 3].map(async () => {
      const context = await browser.newContext({ baseURL: server.address });
      const page = await context.newPage();
      await open(page, '/chat');
      return page;
    }),
  );
  await Promise.all(pages.map(page => send(page, LONG)));
  // All four are seen running with text at the same time: none waits for another to end.
  await Promise.all(pages.map(page => streaming(page, 20)));
  for (const page of pages) {
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'running');
  }
  await Promise.all(pages.map(page => page.keyboard.press('Escape')));
  await Promise.all(pages.map(page => expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped')));
  await Promise.all(pages.map(page => page.context().close()));
});

test('the composer is there and sends before wasm has arrived', async ({ browser, server }) => {
  const context = await browser.newContext({ baseURL: server.address, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto('/');
  await composer(page).fill('Say hello.');
  await page.getByTestId('send').click();
  await expect(page).toHaveURL(/\/chat\/.+/);
  await expect(page.locator('[data-role=user]')).toHaveText(/Say hello\./);
  await expect
    .poll(
      async () => {
        await page.reload();
        return lastAnswer(page).getAttribute('data-state');
      },
      { timeout: 60_000 },
    )
    .toMatch(/^(complete|cut)$/);
  await expect(textOf(lastAnswer(page))).not.toBeEmpty();
  await context.close();
});

test('a page that is left while it is busy leaves no error behind', async ({ page }) => {
  await open(page, '/chat');
  await send(page, LONG);
  await streaming(page, 10);
  const address = page.url();
  await page.getByRole('link', { name: 'Settings' }).first().click();
  await expect(page.getByTestId('settings-form')).toBeVisible();
  await page.waitForTimeout(500);
  await page.goBack();
  await expect(page).toHaveURL(address);
  await streaming(page, 40);
  await page.keyboard.press('Escape');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
});

test('a form that was refused says why, with scripting and without', async ({ page, browser, server }) => {
  const context = await browser.newContext({ baseURL: server.address, javaScriptEnabled: false, locale: 'en-GB' });
  const plain = await context.newPage();
  await plain.goto('/chat');
  await composer(plain).fill('   ');
  await plain.getByTestId('send').click();
  await expect(plain.getByTestId('send-failure')).toContainText('Write something');
  const address = plain.url();
  await context.close();
  // The form may also be sent while wasm is on its way: the page that comes back is hydrated with the reason in it.
  await open(page, address);
  await expect(page.getByTestId('send-failure')).toContainText('Write something');
});
