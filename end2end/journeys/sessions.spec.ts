import type { Page } from '@playwright/test';
import { expect, open, sendAndStop, test } from '../support/test';

async function newChat(page: Page, text: string): Promise<void> {
  await page.getByTestId('new-session').click();
  await expect(page).toHaveURL(/\/chat$/);
  await sendAndStop(page, text);
  await expect(page).toHaveURL(/\/chat\/.+/);
}

function row(page: Page, title: string) {
  return page.getByTestId('session').filter({ hasText: title });
}

test('a chat is renamed where it stands, and Escape leaves it as it was', async ({ page }) => {
  await open(page, '/chat');
  await newChat(page, 'Quokka habits');
  await row(page, 'Quokka habits').hover();
  await row(page, 'Quokka habits').getByTestId('session-rename').click();
  await page.getByTestId('session-title').fill('Marsupials');
  await page.getByTestId('session-title').press('Enter');
  await expect(row(page, 'Marsupials')).toBeVisible();
  await page.reload();
  await expect(row(page, 'Marsupials')).toBeVisible();
  await row(page, 'Marsupials').hover();
  await row(page, 'Marsupials').getByTestId('session-rename').click();
  await page.getByTestId('session-title').fill('Something else');
  await page.getByTestId('session-title').press('Escape');
  await expect(row(page, 'Marsupials')).toBeVisible();
  await expect(row(page, 'Something else')).toHaveCount(0);
});

test('a pinned chat stays above newer ones', async ({ page }) => {
  await open(page, '/chat');
  await newChat(page, 'Pinned chat about tea');
  await row(page, 'Pinned chat').hover();
  await row(page, 'Pinned chat').getByTestId('session-pin').click();
  await newChat(page, 'Newer chat about coffee');
  await expect(page.getByTestId('session').first()).toContainText('Pinned chat');
});

test('a deleted chat comes back with undo', async ({ page }) => {
  await open(page, '/chat');
  await newChat(page, 'Delete me gently');
  await row(page, 'Delete me').hover();
  await row(page, 'Delete me').getByTestId('session-delete').click();
  await expect(row(page, 'Delete me')).toHaveCount(0);
  await page.getByTestId('toast-action').click();
  await expect(row(page, 'Delete me')).toBeVisible();
  await row(page, 'Delete me').getByRole('link').click();
  await expect(page.locator('[data-role=user]')).toHaveText(/Delete me gently/);
});

test('search finds chats by what was said in them', async ({ page }) => {
  await open(page, '/chat');
  await newChat(page, 'Tell me about xylophones');
  await newChat(page, 'Tell me about trains');
  await page.getByTestId('session-search').fill('xylophon');
  await expect(page.getByTestId('session')).toHaveCount(1);
  await expect(page.getByTestId('session')).toContainText('xylophones');
  await page.getByTestId('session-search').fill('"unbalanced (quote');
  await expect(page.getByTestId('session')).toHaveCount(0);
  await page.getByTestId('session-search').fill('');
  await expect(row(page, 'trains')).toBeVisible();
});

test('a new chat in one tab appears in the other', async ({ page, context }) => {
  await open(page, '/chat');
  const second = await context.newPage();
  await open(second, '/chat');
  await newChat(page, 'Seen from afar');
  await expect(row(second, 'Seen from afar')).toBeVisible();
});

test('an unknown chat says so and offers a new one', async ({ page, expectedErrors }) => {
  expectedErrors.push(/404/);
  for (const address of ['/chat/999999', '/chat/garbage']) {
    const reply = await page.goto(address);
    expect(reply?.status()).toBe(404);
    await expect(page.getByRole('main').getByRole('link', { name: /new chat/i })).toBeVisible();
  }
});
