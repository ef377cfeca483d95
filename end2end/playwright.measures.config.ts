import { defineConfig } from '@playwright/test';
import journeys from './playwright.config';

// Measurements are no tests: they take minutes, want a quiet machine, and fail only when nothing could be measured.
export default defineConfig({
  ...journeys,
  testDir: 'measures',
  retries: 0,
  timeout: 20 * 60_000,
  use: { ...journeys.use, trace: 'off' },
});
