// The server of tools that lies beside this file, and how it is added on the page of tools.

import { fileURLToPath } from 'node:url';
import type { Locator, Page } from '@playwright/test';
import { expect } from './test';

const TOOL_SERVER = fileURLToPath(new URL('./tool-server.cjs', import.meta.url));

export function tool(page: Page, name: string): Locator {
  return page.locator(`[data-testid=tool][data-tool="${name}"]`);
}

export function server(page: Page, name: string): Locator {
  return page.locator(`[data-testid=server][data-server="${name}"]`);
}

/** Fills in the form for a server that is a program, and sends it. */
export async function addProgram(page: Page, name: string, environment: string): Promise<void> {
  await page.getByTestId('server-add').click();
  await page.locator('#server-name').fill(name);
  await page.locator('#server-program').fill(process.execPath);
  await page.locator('#server-arguments').fill(TOOL_SERVER);
  await page.locator('#server-environment').fill(environment);
  await page.getByTestId('server-save').click();
}

export async function isIn(page: Page, name: string, state: string): Promise<void> {
  await expect(server(page, name).getByTestId('server-state')).toHaveAttribute('data-state', state, { timeout: 30_000 });
}

/** Fills in the form for a server at an address, and sends it. */
export async function addAddress(page: Page, name: string, url: string, key: string): Promise<void> {
  await page.getByTestId('server-add').click();
  await page.locator('#server-name').fill(name);
  await page.locator('input[name=kind][value=address]').check();
  await page.locator('#server-url').fill(url);
  await page.locator('#server-key').fill(key);
  await page.getByTestId('server-save').click();
}
