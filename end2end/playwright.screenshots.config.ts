import { defineConfig } from '@playwright/test';
import journeys from './playwright.config';

// The pictures of the README. They prove nothing; a person looks at them.
export default defineConfig({
  ...journeys,
  testDir: 'screenshots',
  retries: 0,
  use: { ...journeys.use, trace: 'off' },
});
