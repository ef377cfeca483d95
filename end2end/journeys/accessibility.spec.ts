// Everybody can use every page: by keyboard, by screen reader, on a phone, in both themes.

import { accessible, answered, composer, expect, lastAnswer, LONG, open, send, SHORT, streaming, test, textOf } from '../support/test';

const SIZES = [
  { name: 'desktop', width: 1440, height: 900 },
  { name: 'phone', width: 390, height: 844 },
];

const PAGES = ['/chats', '/compare', '/documents', '/prompts', '/tools', '/models', '/discover', '/settings'];

for (const colorScheme of ['light', 'dark'] as const) {
  for (const { name, width, height } of SIZES) {
    test(`every page is accessible: ${colorScheme}, ${name}`, async ({ page, expectedErrors }) => {
      // The last page is one that is not there.
      expectedErrors.push(/404/);
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await open(page, '/chat');
      await accessible(page);
      await send(page, SHORT);
      await answered(page);
      await accessible(page);
      await page.getByTestId('model-pill').click();
      await expect(page.getByTestId('model-option').first()).toBeVisible();
      await accessible(page);
      await page.keyboard.press('Escape');
      await page.keyboard.press('Control+k');
      await expect(page.getByTestId('palette')).toBeVisible();
      await accessible(page);
      await page.keyboard.press('Escape');
      if (name === 'phone') {
        await page.getByTestId('menu').click();
        await accessible(page);
        await page.keyboard.press('Escape');
      }
      const chat = new URL(page.url()).pathname;
      const saw = await page.getByTestId('saw-link').last().getAttribute('href');
      for (const path of [`${chat}/setup`, `${chat}/tree`, saw ?? '/', ...PAGES, '/nowhere']) {
        await open(page, path);
        await accessible(page);
      }
    });
  }
}

test('everything that can be clicked is large enough for a finger', async ({ browser, server }) => {
  const context = await browser.newContext({
    baseURL: server.address,
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  const page = await context.newPage();
  await open(page, '/chat');
  const sizes = await page.locator('nav a:visible, nav button:visible, [data-testid=send]').evaluateAll(elements =>
    elements.map(element => Math.min(element.getBoundingClientRect().width, element.getBoundingClientRect().height)),
  );
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(24);
  await context.close();
});

test('the palette goes everywhere by keyboard', async ({ page }) => {
  await open(page, '/chat');
  await page.keyboard.press('Control+k');
  await page.getByTestId('palette').getByRole('combobox').fill('settings');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/settings/);
  await expect(page.getByTestId('palette')).toBeHidden();
  // Until the other page is there, the composer has the focus, and a question mark is text.
  await expect(page.getByTestId('settings-form')).toBeVisible();
  await page.keyboard.press('?');
  await expect(page.getByTestId('shortcuts')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('shortcuts')).toBeHidden();
});

test('the palette keeps the chosen row in sight, and leaves keys to input methods', async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 500 });
  await open(page, '/chat');
  await page.keyboard.press('Control+k');
  const field = page.getByTestId('palette').getByRole('combobox');
  const chosen = page.locator('[role=option][aria-selected=true]');
  await expect(field).toHaveAttribute('aria-activedescendant', 'palette-0');
  for (let n = 1; n <= 14; n++) {
    await field.press('ArrowDown');
  }
  await expect(field).toHaveAttribute('aria-activedescendant', 'palette-14');
  await expect(chosen).toBeInViewport({ ratio: 0.9 });
  for (let n = 1; n <= 14; n++) {
    await field.press('ArrowUp');
  }
  await expect(chosen).toBeInViewport({ ratio: 0.9 });

  await field.fill('xyzzy plugh');
  await expect(page.getByRole('option')).toHaveCount(0);
  await expect(field).not.toHaveAttribute('aria-activedescendant', /.+/);

  await field.fill('settings');
  await expect(chosen).toContainText('Settings');
  await field.dispatchEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true });
  await expect(page.getByTestId('palette')).toBeVisible();
  await field.press('Enter');
  await expect(page).toHaveURL(/\/settings/);
});

test('what opens from a button has the focus, and gives it back', async ({ page }) => {
  await open(page, '/chat');
  const pill = page.getByTestId('model-pill');
  const panel = page.getByRole('dialog', { name: 'Choose a model' });
  const option = page.getByTestId('model-option').first();
  await pill.press('Enter');
  await expect(panel).toBeFocused();
  await expect(option).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(option).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(panel).toHaveCount(0);
  await expect(pill).toBeFocused();

  await pill.click();
  await option.click();
  await expect(panel).toHaveCount(0);
  await expect(pill).toBeFocused();

  // What is clicked elsewhere has it.
  await pill.click();
  await composer(page).click();
  await expect(panel).toHaveCount(0);
  await expect(composer(page)).toBeFocused();
});

test('the drawer of a phone has the focus, and neither what is behind it nor the link to that can be reached', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page, '/chat');
  const menu = page.getByTestId('menu');
  const drawer = page.getByRole('complementary');
  const content = page.locator('#content');
  const toContent = page.locator('a[href="#content"]');
  await menu.click();
  await expect(drawer).toBeFocused();
  await expect(content).toHaveAttribute('inert', '');
  await toContent.focus();
  await expect(drawer).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(drawer).toBeHidden();
  await expect(menu).toBeFocused();
  await expect(content).not.toHaveAttribute('inert', /.*/);
  await toContent.focus();
  await expect(toContent).toBeFocused();

  // With room for the sidebar, it is beside the page.
  await menu.click();
  await expect(content).toHaveAttribute('inert', '');
  await page.setViewportSize({ width: 1440, height: 900 });
  await expect(content).not.toHaveAttribute('inert', /.*/);
  await page.setViewportSize({ width: 390, height: 844 });
  await expect(drawer).toBeHidden();
});

test('Escape closes the drawer before it stops an answer', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page, '/chat');
  await send(page, LONG);
  await streaming(page);
  await page.getByTestId('menu').click();
  await expect(page.getByRole('complementary')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('complementary')).toBeHidden();
  // It is still being written.
  const length = (await textOf(lastAnswer(page)).innerText()).length;
  await streaming(page, length + 20);
  await page.keyboard.press('Escape');
  await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
});

test('a new answer is announced to screen readers', async ({ page }) => {
  await open(page, '/chat');
  await send(page, SHORT);
  await answered(page);
  await expect(page.getByRole('log')).not.toBeEmpty();
  await expect(page.locator('[data-role=assistant]').last()).toHaveAttribute('aria-busy', 'false');
  await expect(composer(page)).toBeVisible();
});
