// What a model says is shown, never run.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder, required, Server } from '../support/server';
import { accessible, connected, expect, open, send, streaming, test } from '../support/test';

const HOSTILE = `
<script>window.pwned = 'script'</script>
<img src=x onerror="window.pwned = 'image'">
<svg onload="window.pwned = 'svg'"><animate onbegin="window.pwned = 'animate'"/></svg>
<iframe srcdoc="<script>parent.pwned = 'frame'</script>"></iframe>
<a href="javascript:window.pwned = 'link'" id="raw-link">raw link</a>
[markdown link](javascript:window.pwned='markdown') and [data](data:text/html,<script>window.pwned='data'</script>)
<form action="http://127.0.0.1:1/steal"><button>send</button></form>
<style>body { display: none }</style>
<math><mi xlink:href="javascript:window.pwned='math'">m</mi></math>
<div style="position:fixed;inset:0" onmouseover="window.pwned = 'mouse'">cover</div>
![tracker](http://127.0.0.1:1/pixel.png)

| a | b |
|---|---|
| <b onclick="window.pwned='cell'">cell</b> | $\\href{javascript:window.pwned='tex'}{x}$ |

\`\`\`html
<script>window.pwned = 'code'</script>
\`\`\`

The end of it.
`;

test('hostile answers are shown as text and run nothing', async ({ browser }) => {
  const dataDir = freshFolder();
  const answer = join(dataDir, 'answer.md');
  writeFileSync(answer, HOSTILE);
  const session = execFileSync(required('CHAOSENGINE_SEED'), [dataDir, answer], { encoding: 'utf8' }).trim();
  const server = await Server.start({ dataDir, model: 'none' });
  const context = await browser.newContext({ baseURL: server.address });
  const page = await context.newPage();
  const asked: string[] = [];
  page.on('request', request => asked.push(request.url()));
  await page.goto(`/chat/${session}`);
  await connected(page);
  const message = page.locator('[data-role=assistant] [data-testid=message-text]');
  await expect(message).toContainText('The end of it.');
  await expect(message.locator('table')).toBeVisible();
  await expect(message.locator('pre')).toContainText('<script>');
  for (const link of await message.locator('a').all()) {
    await link.click({ force: true, noWaitAfter: true }).catch(() => undefined);
  }
  await message.hover();
  expect(await page.evaluate(() => (window as { pwned?: string }).pwned)).toBeUndefined();
  await expect(message.locator('script, iframe, form, style, svg[onload], [onerror], [onclick], [style*=fixed]')).toHaveCount(0);
  expect(asked.filter(url => !url.startsWith(server.address)), 'requests to elsewhere').toEqual([]);
  await context.close();
  await server.stop();
});

test('what a model thought is folded up, opens by keyboard and runs nothing', async ({ browser }) => {
  const dataDir = freshFolder();
  const [answer, thought] = ['answer.md', 'thought.md'].map(name => join(dataDir, name));
  writeFileSync(answer, 'So.');
  writeFileSync(thought, `**Why?**\n${HOSTILE}`);
  const seeded = execFileSync(required('CHAOSENGINE_SEED'), [dataDir, answer, thought], { encoding: 'utf8' });
  const server = await Server.start({ dataDir, model: 'none' });
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ baseURL: server.address, colorScheme });
    const page = await context.newPage();
    await page.goto(`/chat/${seeded.trim()}`);
    await connected(page);
    await expect(page.locator('[data-role=assistant] [data-testid=message-text]')).toHaveText('So.');
    const text = page.getByTestId('thought-text');
    await expect(text).toBeHidden();
    const summary = page.getByTestId('thought-summary');
    await expect(summary).toHaveText('Thought for 2.4 s');
    await summary.focus();
    await page.keyboard.press('Enter');
    await expect(text.locator('strong').first()).toHaveText('Why?');
    await expect(text).toContainText('The end of it.');
    expect(await page.evaluate(() => (window as { pwned?: string }).pwned)).toBeUndefined();
    await expect(text.locator('script, iframe, form, style, svg[onload], [onerror], [onclick]')).toHaveCount(0);
    await accessible(page, '[data-testid=thought]');
    await page.keyboard.press('Enter');
    await expect(text).toBeHidden();
    await context.close();
  }
  await server.stop();
});

test('what a person writes is shown as it was written', async ({ page }) => {
  await open(page, '/chat');
  const text = '<img src=x onerror="window.pwned=1"> **not bold** <script>window.pwned=2</script>';
  await send(page, text);
  await expect(page.locator('[data-role=user] [data-testid=message-text]')).toHaveText(text);
  await streaming(page).catch(() => undefined);
  await page.keyboard.press('Escape');
  expect(await page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
});
