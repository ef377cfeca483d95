// Answers that fit a JSON schema, shown as a form.

import { accessible, answered, expect, lastAnswer, open, send, SHORT, test, textOf } from '../support/test';

const SCHEMA = {
  type: 'object',
  properties: { colour: { enum: ['red', 'green'] }, sizes: { type: 'array', items: { enum: [1, 2] }, minItems: 2, maxItems: 2 } },
  required: ['colour', 'sizes'],
  additionalProperties: false,
};

test('answers of a chat fit its schema and are shown as a form', async ({ page, expectedErrors }) => {
  expectedErrors.push(/status of 422/);
  await open(page, '/chat');
  await send(page, SHORT);
  await answered(page);
  await page.getByTestId('setup-link').click();
  const schema = page.getByTestId('setup-schema');
  await schema.fill('{"type": ');
  await page.getByTestId('setup-form').getByRole('button', { name: 'Save' }).click();
  await expect(page.getByTestId('setup-problem')).toContainText('the JSON schema is no JSON');
  await schema.fill(JSON.stringify(SCHEMA));
  await page.getByTestId('setup-form').getByRole('button', { name: 'Save' }).click();
  await expect(page.getByTestId('setup-link')).toContainText('JSON');
  await send(page, 'Which one?');
  await expect(page.getByTestId('message')).toHaveCount(4);
  await answered(page);
  const form = textOf(lastAnswer(page)).locator('.form-view');
  await expect(form.locator('dt')).toHaveText(['colour', 'sizes']);
  await expect(form.locator('dd').first()).toHaveText(/^(red|green)$/);
  await expect(form.locator('li')).toHaveCount(2);
  await accessible(page);
});
