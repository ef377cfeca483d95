// Servers of tools that go wrong in the middle of an answer, and one at an address.

import type { Page } from '@playwright/test';
import type { Message, Turn } from '../support/caller';
import { allow, withCallingModel } from '../support/calling';
import { accessible, answered, connected, expect, lastAnswer, open, send, test, textOf } from '../support/test';
import { addAddress, addProgram, isIn, server, tool as listed } from '../support/tool-server';
import { ToolSite } from '../support/tool-site';

function answer(last: Message): Turn {
  const said = last.content ?? '';
  if (last.role === 'tool') {
    return { text: said.startsWith('Error') ? 'That did not work.' : `It gave: ${said}` };
  }
  const path = /Open the file (\S+)/.exec(said)?.[1];
  const call = path
    ? { name: 'files_read', arguments: { path } }
    : { name: 'tides_tide', arguments: { port: 'Brest' } };
  return { text: '', calls: [call] };
}

/** Asks for the next thing, and waits until it is under way. */
async function ask(page: Page, text: string, n: number): Promise<void> {
  await send(page, text);
  await expect(page.getByTestId('message')).toHaveCount(2 * n);
}

test('a server of tools that hangs can be stopped, and one that dies is told and started anew', async ({ browser }) => {
  await withCallingModel(browser, answer, async page => {
    await open(page, '/tools');
    await addProgram(page, 'files', 'TOOL_SERVER_KEY=x');
    await isIn(page, 'files', 'ready');
    await open(page, '/chat');
    await allow(page, 'files_read');
    const card = lastAnswer(page).getByTestId('call');
    await ask(page, 'Open the file hang', 1);
    await card.getByTestId('call-always').click();
    await expect(card).toHaveAttribute('data-state', 'running');
    await page.getByTestId('stop').click();
    await expect(lastAnswer(page)).toHaveAttribute('data-state', 'stopped');
    await expect(card).toHaveAttribute('data-state', 'interrupted');

    // What hangs is one call, not the server.
    await ask(page, 'Open the file notes.txt', 2);
    await answered(page);
    await expect(textOf(lastAnswer(page))).toContainText('It gave: read notes.txt');

    await ask(page, 'Open the file die', 3);
    await answered(page);
    await expect(card).toHaveAttribute('data-state', 'failed');
    await expect(card.getByTestId('call-shown')).toContainText('ended during the call; whether it did what was asked is not known');
    await expect(textOf(lastAnswer(page))).toContainText('That did not work.');
    await accessible(page);

    // It is the same tool as before: nobody has to allow it again.
    await ask(page, 'Open the file again.txt', 4);
    await answered(page);
    await expect(textOf(lastAnswer(page))).toContainText('It gave: read again.txt');
    await page.reload();
    await connected(page);
    await expect(page.getByTestId('call')).toHaveCount(4);
  });
});

test('tools of a server at an address run with its key, and one that is gone is told', async ({ browser }) => {
  const site = await ToolSite.start('the-key');
  await withCallingModel(browser, answer, async page => {
    await open(page, '/tools');
    await addAddress(page, 'tides', site.address, 'another-key');
    await isIn(page, 'tides', 'failed');
    await expect(server(page, 'tides')).toContainText('wants a key, or another one');
    await server(page, 'tides').getByTestId('server-remove').click();
    await server(page, 'tides').getByTestId('server-remove-yes').click();
    await expect(server(page, 'tides')).toHaveCount(0);
    await addAddress(page, 'tides', site.address, 'the-key');
    await isIn(page, 'tides', 'ready');
    await expect(listed(page, 'tides_tide')).toContainText('Says how high the tide is.');

    await open(page, '/chat');
    await allow(page, 'tides_tide');
    const card = lastAnswer(page).getByTestId('call');
    await ask(page, 'How high is the tide?', 1);
    await expect(card.getByTestId('call-asked-arguments')).toContainText('Brest');
    expect(site.ports).toEqual([]);
    await card.getByTestId('call-yes').click();
    await answered(page);
    await expect(textOf(lastAnswer(page))).toContainText('It gave: The tide at Brest is 4 m.');
    expect(site.ports).toEqual(['Brest']);

    const { port } = site;
    site.stop();
    await ask(page, 'How high is the tide now?', 2);
    await card.getByTestId('call-yes').click();
    await answered(page);
    await expect(card).toHaveAttribute('data-state', 'failed');
    await expect(textOf(lastAnswer(page))).toContainText('That did not work.');
    const chat = page.url();
    await open(page, '/tools');
    await isIn(page, 'tides', 'failed');
    await expect(server(page, 'tides')).toContainText('connected to again when one of its tools is called');
    await server(page, 'tides').getByTestId('server-reconnect').click();
    await isIn(page, 'tides', 'failed');
    await accessible(page);

    const again = await ToolSite.start('the-key', port);
    await server(page, 'tides').getByTestId('server-reconnect').click();
    await isIn(page, 'tides', 'ready');
    await open(page, chat);
    await ask(page, 'How high is the tide by now?', 3);
    await card.getByTestId('call-yes').click();
    await answered(page);
    await expect(textOf(lastAnswer(page))).toContainText('It gave: The tide at Brest is 4 m.');
    again.stop();
  });
});
