// A chat of thousands of messages: its end is shown, and what comes before when asked for.

import { answers, connected, expect, open, send, test } from '../support/test';

const N_TURNS = 600;
/** Messages that a page begins with, and how many more it asks for at once. */
const SHOWN = 40;
const MORE = 100;

function longChat() {
  const turns = Array.from({ length: N_TURNS }, (_, n) => ({
    parent: n === 0 ? null : n - 1,
    role: n % 2 === 0 ? 'user' : 'assistant',
    text: `Turn ${n} is about **lamps**.`,
    created_ms: n + 1,
  }));
  return { format: 'chaosengine-chats', version: 1, chats: [{ title: 'Long lamps', shown: N_TURNS - 1, turns }] };
}

test('the end of a long chat is shown, and what comes before when asked for', async ({ page }) => {
  await open(page, '/chats');
  const buffer = Buffer.from(JSON.stringify(longChat()));
  await page.getByTestId('import').setInputFiles([{ name: 'long.json', mimeType: 'application/json', buffer }]);
  await expect(page.getByTestId('import-outcome')).toContainText('1 chats were taken over');
  await page.getByRole('link', { name: 'Long lamps' }).first().click();
  const messages = page.getByTestId('message');
  await expect(messages).toHaveCount(SHOWN);
  await expect(messages.last()).toContainText(`Turn ${N_TURNS - 1} `);
  await expect(messages.first()).toContainText(`Turn ${N_TURNS - SHOWN} `);

  const earlier = page.getByTestId('earlier');
  await expect(earlier).toContainText(`${N_TURNS - SHOWN}`);
  await earlier.click();
  await expect(messages).toHaveCount(SHOWN + MORE);
  await expect(messages.first()).toContainText(`Turn ${N_TURNS - SHOWN - MORE} `);
  await expect(earlier).toContainText(`${N_TURNS - SHOWN - MORE}`);

  // It goes on to the first, and what stays keeps its place.
  for (let n = SHOWN + 2 * MORE; n <= N_TURNS; n += MORE) {
    await earlier.click();
    await expect(messages).toHaveCount(n);
  }
  await earlier.click();
  await expect(messages).toHaveCount(N_TURNS);
  await expect(messages.first()).toContainText('Turn 0 ');
  await expect(earlier).toHaveCount(0);

  // What is added is shown, though there are more messages than the model can take.
  await send(page, 'And one more');
  await expect(page.locator('[data-role=user]').last()).toHaveText(/And one more/);
  await expect(answers(page).last()).toHaveAttribute('data-state', 'refused');
});

test('a chat that outgrew its model goes on without its beginning, and says so', async ({ page }) => {
  await open(page, '/chats');
  const chat = longChat();
  chat.chats[0].title = 'Outgrown lamps';
  const buffer = Buffer.from(JSON.stringify(chat));
  await page.getByTestId('import').setInputFiles([{ name: 'outgrown.json', mimeType: 'application/json', buffer }]);
  await page.getByRole('link', { name: 'Outgrown lamps' }).first().click();
  await connected(page);
  await send(page, 'What were the turns about?');
  await expect(answers(page).last()).toHaveAttribute('data-state', 'refused');
  await page.getByTestId('trim').click();
  await expect(answers(page).last()).toHaveAttribute('data-state', /complete|cut/, { timeout: 60_000 });
  const leftOut = answers(page).last().getByTestId('left-out');
  await expect(leftOut).toContainText(/Without the oldest \d+ messages/);
  // The choice holds from then on.
  await send(page, 'And what now?');
  await expect(answers(page).last()).toHaveAttribute('data-state', /complete|cut/, { timeout: 60_000 });
  await expect(leftOut).toContainText(/Without the oldest \d+ messages/);
});
