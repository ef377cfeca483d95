import { expect, open, test } from '../support/test';
import { required } from '../support/server';

test('a first visit stays within its budget of wasm and scripts', async ({ page }) => {
  const client = await page.context().newCDPSession(page);
  await client.send('Network.enable');
  const addresses = new Map<string, string>();
  const bytes = new Map<string, number>();
  client.on('Network.responseReceived', ({ requestId, response }) => addresses.set(requestId, response.url));
  // What the files have, compressed as they are: headers are no code, and dozens of small parts have many.
  client.on('Network.dataReceived', ({ requestId, encodedDataLength }) =>
    bytes.set(requestId, (bytes.get(requestId) ?? 0) + encodedDataLength),
  );
  await open(page, '/chat');
  await page.waitForLoadState('networkidle').catch(() => undefined);
  const code = [...addresses].filter(([, address]) => /\.(wasm|js)(\?|$)/.test(address));
  const total = code.reduce((sum, [id]) => sum + (bytes.get(id) ?? 0), 0);
  for (const [id, address] of code) {
    console.log(`  ${((bytes.get(id) ?? 0) / 1000).toFixed(1).padStart(6)} kB ${new URL(address).pathname}`);
  }
  console.log(`  first visit: ${(total / 1000).toFixed(1)} kB of wasm and scripts`);
  expect(code.length).toBeGreaterThan(1);
  expect(total).toBeLessThanOrEqual(Number(required('CHAOSENGINE_FIRST_LOAD_BYTES')));
});

test('files with a hash in their name are kept by the browser', async ({ request, page }) => {
  await page.goto('/chat');
  // The browser side adds links of its own for the parts it loads later: the first is the one of the page.
  const script = await page.locator('link[rel=modulepreload]').first().getAttribute('href', { timeout: 5_000 });
  const reply = await request.get(script ?? '');
  expect(reply.headers()['cache-control']).toContain('immutable');
});

test('the app can be installed: its manifest names icons that are there', async ({ request }) => {
  const manifest = await (await request.get('/manifest.webmanifest')).json();
  for (const { src, type } of manifest.icons) {
    const icon = await request.get(src);
    expect(icon.status(), src).toBe(200);
    expect(icon.headers()['content-type']).toBe(type);
  }
  expect((await request.get(manifest.start_url)).status()).toBe(200);
});
