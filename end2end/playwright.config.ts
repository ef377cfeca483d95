import { defineConfig } from '@playwright/test';
import { chromium } from './support/browser';

// One worker: the journeys share the machine with a language model, and some of them measure what streams when.
export default defineConfig({
  testDir: 'journeys',
  outputDir: 'test-results',
  snapshotPathTemplate: 'pictures/{arg}{ext}',
  // A picture that nobody has looked at proves nothing.
  updateSnapshots: 'none',
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  // A real model on a busy machine is late at times; what needed its second try is listed as flaky.
  retries: 1,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    launchOptions: chromium,
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    screenshot: 'only-on-failure',
    // Filming the page would take the time that the model needs.
    trace: { mode: 'retain-on-failure', screenshots: false, snapshots: false },
  },
});
