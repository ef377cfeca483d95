// Guards: an answer that has gone wrong is ended, keeps its text, and says what happened and how to go on. The model is one that goes
// wrong as the test says.

import type { Page } from '@playwright/test';
import type { Message, Turn } from '../support/caller';
import { allow, withCallingModel } from '../support/calling';
import { accessible, answered, expect, lastAnswer, open, send, test, textOf } from '../support/test';

/** Sentences that are all different. */
const WORDS = Array.from({ length: 400 }, (_, n) => `${n} boats sail to island ${(n * 7919) % 1009} with ${(n * 31) % 97} sheep.`).join(' ');
const DOUBT = Array.from({ length: 12 }, (_, n) => `Wait, the number of sheep could also be ${n * n}.\n`).join('');

function answer(last: Message): Turn {
  const said = last.content ?? '';
  if (said.includes('everything')) {
    return { text: WORDS };
  }
  if (said.includes('slowly')) {
    return { text: 'Once upon', stalls: true };
  }
  if (said.includes('sure')) {
    return { text: 'There are nine.', thought: DOUBT };
  }
  return { text: 'Hello.' };
}

/** Changes a setting as a person does. */
async function set(page: Page, name: string, value: string): Promise<void> {
  await open(page, '/settings');
  await page.locator(`[name="form[${name}]"]`).fill(value);
  await page.getByTestId('settings-form').getByRole('button').click();
  await expect(page.getByTestId('settings-status')).toContainText(/saved/i);
}

test('an answer that is too slow, too long, or whose thinking goes in circles is ended, and says how to go on', async ({ browser }) => {
  await withCallingModel(browser, answer, async page => {
    await set(page, 'max_tokens', '200');
    const context = page.context();
    const waiting = await context.newPage();
    await open(waiting, '/chat');
    await send(waiting, 'Tell it slowly.');
    await expect(textOf(lastAnswer(waiting))).toContainText('Once upon');

    await open(page, '/chat');
    const guard = page.getByTestId('message-guard');
    await send(page, 'Tell me everything.');
    await expect(guard).toHaveAttribute('data-guard', 'length');
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
    await expect(textOf(lastAnswer(page))).toContainText('boats sail to island');
    await expect(guard).toContainText('far longer than was asked for');
    await expect(guard.getByTestId('guard-again')).toBeVisible();
    await expect(guard.getByTestId('go-on')).toBeVisible();
    await accessible(page);

    await open(page, '/chat');
    await page.getByTestId('new-session').click();
    await send(page, 'Are you sure?');
    await expect(guard).toHaveAttribute('data-guard', 'reasoning_loop');
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
    await expect(guard).toContainText('let the model think less');
    await lastAnswer(page).getByTestId('thought-summary').click();
    await expect(lastAnswer(page).getByTestId('thought-text')).toContainText('the number of sheep could also be 64');
    // More of it would be more circles.
    await expect(guard.getByTestId('go-on')).toHaveCount(0);

    // It has been half a minute by now, or soon will have been.
    const slow = waiting.getByTestId('message-guard');
    await expect(slow).toHaveAttribute('data-guard', 'speed', { timeout: 60_000 });
    await expect(lastAnswer(waiting)).toHaveAttribute('data-state', 'stopped');
    await expect(textOf(lastAnswer(waiting))).toContainText('Once upon');
    await expect(slow).toContainText('A smaller model or a shorter conversation is faster.');
    await expect(slow.getByTestId('go-on')).toBeVisible();
    await waiting.close();
  });
});

test('a model that calls on and on gets as many rounds as are set, is told so, and answers', async ({ browser }) => {
  let isStubborn = false;
  const counting = (last: Message): Turn => {
    const said = last.content ?? '';
    isStubborn = last.role === 'user' ? said.includes('stubborn') : isStubborn;
    if (said.includes('no more calls are allowed') && !isStubborn) {
      return { text: `I was told: ${said}` };
    }
    return { text: '', calls: [{ name: 'calculator', arguments: { expression: '1+1' } }] };
  };
  await withCallingModel(browser, counting, async page => {
    await set(page, 'tool_rounds', '2');
    await open(page, '/chat');
    await allow(page, 'calculator');
    await send(page, 'Count on and on.');
    await answered(page);
    const cards = lastAnswer(page).getByTestId('call');
    await expect(cards).toHaveCount(3);
    await expect(cards.nth(1)).toHaveAttribute('data-state', 'done');
    await expect(cards.nth(2)).toHaveAttribute('data-state', 'failed');
    await expect(cards.nth(2).getByTestId('call-shown')).toHaveText('Not run: the answer has used its rounds of calls');
    await expect(textOf(lastAnswer(page))).toContainText('Tools were called 2 times for this answer');

    // One that does not listen does not go on for ever, and the person is told.
    await send(page, 'Be stubborn.');
    await expect(page.getByTestId('message')).toHaveCount(4);
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'failed');
    await expect(lastAnswer(page).getByTestId('message-error')).toContainText('allow more rounds');
    await expect(cards).toHaveCount(3);
  });
});
