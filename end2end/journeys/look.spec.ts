// The components look as they did: a picture of all of them, in both themes, against the committed one.
//
// When a change is meant: `npx playwright test look --update-snapshots` in the environment that
// `cargo xtask test` gives, look at the picture, commit it.

import { join } from 'node:path';
import { accessible, expect, test } from '../support/test';

// The page's policy admits no style from a test, and its fonts are whatever the system has.
test.use({ bypassCSP: true });

const FONTS = {
  'sans.woff2': join('@fontsource-variable', 'inter', 'files', 'inter-latin-wght-normal.woff2'),
  'mono.woff2': join('@fontsource-variable', 'jetbrains-mono', 'files', 'jetbrains-mono-latin-wght-normal.woff2'),
};

const SAME_FONTS_EVERYWHERE = `
  @font-face { font-family: Sample; font-weight: 100 900; src: url(/sample-fonts/sans.woff2); }
  @font-face { font-family: SampleMono; font-weight: 100 800; src: url(/sample-fonts/mono.woff2); }
  :root { --font-sans: Sample; --font-mono: SampleMono; }
  math { font-family: Sample; }
`;

test('every component looks as it did, and is accessible', async ({ page }) => {
  for (const [name, file] of Object.entries(FONTS)) {
    await page.route(`**/sample-fonts/${name}`, route => route.fulfill({ path: join('node_modules', file) }));
  }
  await page.goto('/dev/ui');
  await page.addStyleTag({ content: SAME_FONTS_EVERYWHERE });
  await page.evaluate(() => document.fonts.ready);
  await accessible(page);
  test.skip(process.platform !== 'linux', 'the committed picture was taken on Linux');
  await expect(page).toHaveScreenshot('components.png', { fullPage: true, maxDiffPixelRatio: 0.01 });
});
