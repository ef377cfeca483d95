// A chat whose model is elsewhere, and calls tools and thinks as it is told.

import type { Browser, BrowserContextOptions, Locator, Page } from '@playwright/test';
import { CallingModel, type Message, type Turn } from './caller';
import { Server } from './server';
import { addModel, expect, watchErrors } from './test';

export interface CallingOptions {
  dataDir?: string;
  environment?: Record<string, string>;
  context?: BrowserContextOptions;
}

/** Opens a chat of a server whose only model is elsewhere and answers so. */
export async function withCallingModel(
  browser: Browser,
  answer: (last: Message) => Turn,
  act: (page: Page, server: Server, model: CallingModel) => Promise<void>,
  { dataDir, environment, context: options }: CallingOptions = {},
): Promise<void> {
  const model = await CallingModel.start(answer);
  const server = await Server.start({ model: 'none', dataDir, environment });
  const context = await browser.newContext({ baseURL: server.address, locale: 'en-GB', ...options });
  try {
    const page = await context.newPage();
    const errors = watchErrors(page);
    await addModel(page, model.address);
    await act(page, server, model);
    expect(errors).toEqual([]);
    await page.goto('about:blank');
  } finally {
    await context.close();
    model.stop();
    await server.stop();
  }
}

/** The line of a tool in the list of those that a chat has. */
export function chatTool(page: Page, name: string): Locator {
  return page.locator('li').filter({ hasText: name }).getByTestId('chat-tool');
}

/** Gives a chat that has no tools these, and puts the list away again. */
export async function allow(page: Page, ...names: string[]): Promise<void> {
  for (const [i, name] of names.entries()) {
    if (!(await page.getByTestId('chat-tool').first().isVisible())) {
      await page.getByTestId('chat-tools').click();
    }
    await chatTool(page, name).check();
    await expect(page.getByTestId('chat-tools-n')).toHaveText(String(i + 1));
  }
  await page.getByTestId('chat-tools').click();
  await expect(page.getByTestId('chat-tool')).toHaveCount(0);
}
