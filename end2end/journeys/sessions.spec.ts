import type { Page } from '@playwright/test';
import { composer, connected, expect, open, sendAndStop, test } from '../support/test';

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
  // This key takes what an input method offers, and the title is still being written.
  const taken = { key: 'Enter', isComposing: true, bubbles: true };
  await page.getByTestId('session-title').dispatchEvent('keydown', taken);
  await expect(page.getByTestId('session-title')).toBeVisible();
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

test('the palette finds chats by what was said in them', async ({ page }) => {
  await open(page, '/chat');
  await newChat(page, 'Tell me about marimbas');
  await row(page, 'marimbas').hover();
  await row(page, 'marimbas').getByTestId('session-rename').click();
  await page.getByTestId('session-title').fill('Instruments');
  await page.getByTestId('session-title').press('Enter');
  await expect(row(page, 'Instruments')).toBeVisible();
  await newChat(page, 'Tell me about ferries');
  await page.keyboard.press('Control+k');
  await page.getByTestId('palette').getByRole('combobox').fill('marimbas');
  await expect(page.getByRole('option')).toHaveCount(1);
  await page.getByRole('option').filter({ hasText: 'Instruments' }).click();
  await expect(page.locator('[data-role=user]')).toHaveText(/marimbas/);
});

test('a new chat in one tab appears in the other', async ({ page, context }) => {
  await open(page, '/chat');
  const second = await context.newPage();
  await open(second, '/chat');
  await newChat(page, 'Seen from afar');
  await expect(row(second, 'Seen from afar')).toBeVisible();
});

test('a chat that is deleted in another tab says so where it is open, and what is being written there stays', async ({
  page,
  context,
  expectedErrors,
}) => {
  expectedErrors.push(/404/);
  await open(page, '/chat');
  await newChat(page, 'Open in two tabs');
  await composer(page).fill('a thought not yet sent');
  const second = await context.newPage();
  await open(second, '/chat');
  await row(second, 'Open in two tabs').hover();
  await row(second, 'Open in two tabs').getByTestId('session-delete').click();
  await expect(page.getByRole('main')).toContainText('This chat is not here');
  await connected(page);
  await expect(composer(page)).toHaveValue('a thought not yet sent');
  // What is sent into it all the same is not lost either.
  await composer(page).press('Enter');
  await expect(page.getByTestId('toast')).toBeVisible();
  await expect(composer(page)).toHaveValue('a thought not yet sent');
  await second.getByTestId('toast-action').click();
  await expect(row(second, 'Open in two tabs')).toBeVisible();
  await page.reload();
  await connected(page);
  await expect(page.locator('[data-role=user]')).toHaveText(/Open in two tabs/);
  await expect(composer(page)).toHaveValue('a thought not yet sent');
});

test('an unknown chat says so and offers a new one', async ({ page, expectedErrors }) => {
  expectedErrors.push(/404/);
  for (const address of ['/chat/999999', '/chat/garbage']) {
    const reply = await page.goto(address);
    expect(reply?.status()).toBe(404);
    await expect(page.getByRole('main').getByRole('link', { name: /new chat/i })).toBeVisible();
  }
});

test('hundreds of chats beside the page: the lines around those in sight are there, and the place is kept', async ({ page }) => {
  const N_CHATS = 600;
  const turns = [{ parent: null, role: 'user', text: 'Which number?', created_ms: 1 }];
  // Older than all others here, so that they come behind them.
  const chats = Array.from({ length: N_CHATS }, (_, n) => ({ title: `Counted ${n} end`, updated_ms: n + 1, shown: 0, turns }));
  const buffer = Buffer.from(JSON.stringify({ format: 'chaosengine-chats', version: 1, chats }));
  await open(page, '/chats');
  await page.getByTestId('import').setInputFiles([{ name: 'many.json', mimeType: 'application/json', buffer }]);
  await expect(page.getByTestId('import-outcome')).toContainText(`${N_CHATS} chats were taken over`, { timeout: 60_000 });
  await open(page, '/chat');
  const lines = page.getByTestId('session');
  expect(await lines.count()).toBeLessThan(200);
  await expect(row(page, 'Counted 0 end')).toHaveCount(0);

  const list = page.getByTestId('sessions');
  const height = await list.evaluate(it => it.scrollHeight);
  expect(height).toBeGreaterThan(N_CHATS * 30);
  await list.evaluate(it => it.scrollTo(0, it.scrollHeight));
  await expect(row(page, 'Counted 0 end')).toBeInViewport();
  expect(await lines.count()).toBeLessThan(200);
  expect(Math.abs((await list.evaluate(it => it.scrollHeight)) - height)).toBeLessThan(80);

  // What is opened down there is opened where it stands, also when the list is fetched anew.
  await row(page, 'Counted 0 end').getByRole('link').click();
  await expect(page.locator('[data-role=user]')).toHaveText(/Which number/);
  await row(page, 'Counted 1 end').hover();
  await row(page, 'Counted 1 end').getByTestId('session-pin').click();
  await expect(row(page, 'Counted 1 end')).toHaveCount(0);
  await expect(row(page, 'Counted 0 end')).toBeInViewport();

  await list.evaluate(it => it.scrollTo(0, 0));
  await expect(row(page, 'Counted 1 end')).toBeInViewport();
  // The palette finds the oldest, too.
  await page.keyboard.press('Control+k');
  await page.getByTestId('palette').getByRole('combobox').fill('counted 7 end');
  await expect(page.getByRole('option').filter({ hasText: 'Counted 7 end' })).toBeVisible();
});
