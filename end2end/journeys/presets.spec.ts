// Samplers that a person keeps under a name.

import type { Page } from '@playwright/test';
import { accessible, expect, open, sendAndStop, test } from '../support/test';

async function setup(page: Page, text: string): Promise<void> {
  await open(page, '/chat');
  await sendAndStop(page, text);
  await page.getByTestId('setup-link').click();
  await expect(page.getByTestId('preset-name')).toBeEnabled();
}

test('samplers are kept under a name and taken in another chat; a name is taken over after a question', async ({ page }) => {
  await setup(page, 'First chat');
  const temperature = page.locator('input[name=temperature]');
  const [name, choice] = [page.getByTestId('preset-name'), page.getByTestId('preset-choice')];
  await temperature.fill('1,25');
  await name.fill('  Wild  ones ');
  await name.press('Enter');
  await expect(choice).toHaveValue('Wild ones');

  await setup(page, 'Second chat');
  await expect(temperature).toHaveValue('');
  await choice.selectOption('Wild ones');
  await expect(temperature).toHaveValue('1.25');
  await page.getByTestId('setup-form').getByRole('button', { name: 'Save' }).click();
  await expect(page.getByTestId('setup-link')).toContainText('temperature 1.25');

  await page.getByTestId('setup-link').click();
  await temperature.fill('2');
  await name.fill('wild ones');
  await page.getByTestId('preset-keep').click();
  await expect(page.getByTestId('preset-question')).toContainText('There is a preset “wild ones” already.');
  await accessible(page);
  await page.getByTestId('preset-replace').click();
  await expect(choice).toHaveValue('wild ones');
  await expect(choice.locator('option')).toHaveText(['none chosen', 'wild ones']);
  await page.getByTestId('preset-exact').click();
  await expect(choice).toHaveValue('');
  await choice.selectOption('wild ones');
  await expect(temperature).toHaveValue('2');

  await name.fill('Tame ones');
  await page.getByTestId('preset-rename').click();
  await expect(choice).toHaveValue('Tame ones');
  await page.getByTestId('preset-delete').click();
  await expect(choice.locator('option')).toHaveText(['none chosen']);
  await page.getByTestId('toast-action').click();
  await expect(choice.locator('option')).toHaveText(['none chosen', 'Tame ones']);
  await choice.selectOption('Tame ones');
  await page.getByTestId('preset-delete').click();
  await expect(choice.locator('option')).toHaveText(['none chosen']);
});

test('what cannot be kept says why', async ({ page, expectedErrors }) => {
  expectedErrors.push(/422/);
  await setup(page, 'Third chat');
  await expect(page.getByTestId('preset-keep')).toBeDisabled();
  await page.locator('input[name=temperature]').fill('9');
  await page.getByTestId('preset-name').fill('Too hot');
  await page.getByTestId('preset-keep').click();
  await expect(page.getByText('temperature must be between 0 and 5, not 9')).toBeVisible();
  await expect(page.getByTestId('preset-choice').locator('option')).toHaveCount(1);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`presets are accessible on a phone: ${colorScheme}`, async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await setup(page, 'Fourth chat');
    await page.getByTestId('presets').scrollIntoViewIfNeeded();
    await accessible(page);
  });
}
