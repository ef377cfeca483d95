import { Server } from '../support/server';
import { connected, expect, open, test } from '../support/test';

test('a server elsewhere is added, chosen, said to be elsewhere, and removed', async ({ page, server }) => {
  const own = await Server.start({ model: 'none' });
  try {
    await open(page, `${own.address}/settings`);
    const form = page.getByTestId('remote-form');
    await form.locator('[name="form[name]"]').fill('Den');
    await form.locator('[name="form[address]"]').fill(`${server.address}/v1`);
    await form.getByTestId('remote-save').click();
    await expect(page.getByTestId('remote')).toContainText('Den');

    await open(page, `${own.address}/chat`);
    await expect(page.getByTestId('elsewhere')).toHaveCount(0);
    await page.getByTestId('model-pill').click();
    await page.getByTestId('model-option').filter({ hasText: '(Den)' }).click();
    await expect(page.getByTestId('elsewhere')).toContainText('Den');
    await expect(page.getByTestId('model-elsewhere')).toBeVisible();
    await page.getByTestId('composer').fill('Say hello.');
    await page.getByTestId('send').click();
    const answer = page.locator('[data-testid=message][data-role=assistant]');
    await expect(answer).toContainText(/\w\W+\w/, { timeout: 60_000 });
    // Some answers never end by themselves.
    await page.keyboard.press('Escape');
    await expect(answer).toHaveAttribute('data-state', /complete|cut|stopped/);
    await expect(answer.getByTestId('usage')).toContainText('(Den)');

    await open(page, `${own.address}/settings`);
    await connected(page);
    await page.getByTestId('remote-remove').click();
    await expect(page.getByTestId('remote')).toHaveCount(0);
    await open(page, `${own.address}/chat`);
    await expect(page.getByTestId('elsewhere')).toHaveCount(0);
  } finally {
    // A page whose server ends complains, which is not what this is about.
    await page.goto('about:blank');
    await own.stop();
  }
});
