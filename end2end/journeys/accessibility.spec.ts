// Everybody can use every page: by keyboard, by screen reader, on a phone, in both themes.

import { accessible, answered, composer, expect, open, send, SHORT, test } from '../support/test';

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

test('a new answer is announced to screen readers', async ({ page }) => {
  await open(page, '/chat');
  await send(page, SHORT);
  await answered(page);
  await expect(page.getByRole('log')).not.toBeEmpty();
  await expect(page.locator('[data-role=assistant]').last()).toHaveAttribute('aria-busy', 'false');
  await expect(composer(page)).toBeVisible();
});
