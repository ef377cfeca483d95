import { connected, expect, open, test } from '../support/test';

function field(page: import('@playwright/test').Page, name: string) {
  return page.locator(`[name="form[${name}]"]`);
}

test('settings are saved and still there after a reload', async ({ page }) => {
  await open(page, '/settings');
  await field(page, 'system_prompt').fill('Answer like a pirate.');
  await field(page, 'temperature').fill('0.3');
  await field(page, 'theme').selectOption('dark');
  await page.getByTestId('settings-form').getByRole('button').click();
  await expect(page.getByTestId('settings-status')).toContainText(/saved/i);
  await page.goto('/settings');
  await connected(page);
  await expect(field(page, 'system_prompt')).toHaveValue('Answer like a pirate.');
  await expect(field(page, 'temperature')).toHaveValue('0.3');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await field(page, 'system_prompt').fill('');
  await field(page, 'theme').selectOption('system');
  await page.getByTestId('settings-form').getByRole('button').click();
  await expect(page.getByTestId('settings-status')).toContainText(/saved/i);
});

test('settings are saved without scripting, too', async ({ browser, server }) => {
  const context = await browser.newContext({ baseURL: server.address, javaScriptEnabled: false, locale: 'en-GB' });
  const page = await context.newPage();
  await page.goto('/settings');
  await field(page, 'top_k').fill('17');
  await page.getByTestId('settings-form').getByRole('button').click();
  await expect(page).toHaveURL(/\/settings/);
  await expect(page.getByTestId('settings-status')).toContainText(/saved/i);
  await expect(field(page, 'top_k')).toHaveValue('17');
  await context.close();
});

test('a value out of range is refused with its range and changes nothing', async ({ page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  await open(page, '/settings');
  const before = await field(page, 'temperature').inputValue();
  await page.getByTestId('settings-form').evaluate((form: HTMLFormElement) => {
    form.noValidate = true;
  });
  await field(page, 'temperature').fill('900');
  await page.getByTestId('settings-form').getByRole('button').click();
  await expect(page.getByTestId('settings-status')).toContainText(/temperature/i);
  await page.goto('/settings');
  await expect(field(page, 'temperature')).toHaveValue(before);
});

test('the page speaks the language that was chosen', async ({ page }) => {
  await open(page, '/settings');
  await field(page, 'language').selectOption('de');
  await page.getByTestId('settings-form').getByRole('button').click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'de');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Einstellungen');
  await field(page, 'language').selectOption('');
  await page.getByTestId('settings-form').getByRole('button').click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
});

test('the data folder is shown', async ({ page, server }) => {
  await page.goto('/settings');
  await expect(page.getByText(server.dataDir, { exact: true })).toBeVisible();
});
