// Documents of every kind that is read: each is found by what it says, cited in an answer, and opened where that stands.

import type { Page } from '@playwright/test';
import type { Message, Turn } from '../support/caller';
import { allow, withCallingModel } from '../support/calling';
import { docx, epub, ods, pptx, xlsx } from '../support/office';
import { answered, connected, expect, lastAnswer, open, send, test, textOf } from '../support/test';

/** Long enough for what follows to be a passage of its own. */
const BEFORE = 'The keeper writes of wind and waves, and of ships that pass far out at sea. '.repeat(5);
const FIRST = `<h1>The sea</h1><p>${BEFORE}</p>`;
const ROWS = Array.from({ length: 60 }, (_, n) => [`rope of kind ${n}`, `shelf ${n}`]);

interface Kind {
  name: string;
  buffer: Buffer;
  question: string;
  /** What the passage says that answers it. */
  passage: string;
  /** Where that stands, as the reader says it. */
  place?: string;
}

const KINDS: Kind[] = [
  {
    name: 'log.docx',
    buffer: docx([['The sea', BEFORE], ['The foghorn', 'Brunhild mends the brass foghorn in March.']]),
    question: 'Who mends the brass foghorn?',
    passage: 'Brunhild mends the brass foghorn',
    place: 'Page 2 · The foghorn',
  },
  {
    name: 'talk.pptx',
    buffer: pptx([['The sea', BEFORE], ['Volcanoes', 'Magma of the volcano hardens into basalt.']]),
    question: 'What does magma of the volcano harden into?',
    passage: 'hardens into basalt',
    place: 'Page 2 · Volcanoes',
  },
  {
    name: 'prices.xlsx',
    buffer: xlsx([
      { name: 'Ropes', rows: [['item', 'place'], ...ROWS] },
      { name: 'Fruit', rows: [['fruit', 'price'], ['quince', '37 crowns'], ['medlar', '12 crowns']] },
    ]),
    question: 'What is the price of a quince?',
    passage: 'quince | 37 crowns',
    place: 'Page 2 · Fruit',
  },
  {
    name: 'stars.ods',
    buffer: ods([
      { name: 'Ropes', rows: [['item', 'place'], ...ROWS] },
      { name: 'Stars', rows: [['star', 'colour'], ['Betelgeuse', 'crimson']] },
    ]),
    question: 'Which colour is the star Betelgeuse?',
    passage: 'Betelgeuse | crimson',
    place: 'Page 2 · Stars',
  },
  {
    name: 'novel.epub',
    buffer: epub([FIRST, '<h1>The orchestra</h1><p>The violinist of the orchestra tunes to a bell.</p>']),
    question: 'What does the violinist of the orchestra tune to?',
    passage: 'tunes to a bell',
    place: 'The orchestra',
  },
  {
    name: 'page.html',
    buffer: Buffer.from(`<!DOCTYPE html><title>Cats</title>${FIRST}<h2>The bakery</h2><p>The baker salts the sourdough at dawn.</p>`),
    question: 'When does the baker salt the sourdough?',
    passage: 'salts the sourdough at dawn',
    place: 'The sea › The bakery',
  },
  {
    name: 'beetles.csv',
    buffer: Buffer.from(`beetle;weight\n${Array.from({ length: 20 }, (_, n) => `beetle ${n};${n} g`).join('\n')}\nscarab of Luxor;91 g\n`),
    question: 'What is the weight of the scarab of Luxor?',
    passage: 'scarab of Luxor | 91 g',
  },
  {
    name: 'tax.py',
    buffer: Buffer.from(
      `def sea(keeper):\n    """${BEFORE}"""\n    return keeper\n\n\ndef parliament_tax(income):\n    """The tax that the parliament wants."""\n    return income * 0.19\n`,
    ),
    question: 'How much tax does the parliament want of an income?',
    passage: 'return income * 0.19',
  },
];

function answer(last: Message): Turn {
  const said = last.content ?? '';
  if (last.role === 'tool') {
    return { text: said.includes('number="1"') ? 'That is written there [1].' : `It gave: ${said}` };
  }
  return { text: '', calls: [{ name: 'search_documents', arguments: { query: said } }] };
}

/** Asks about `kind`, and opens what the answer cites. */
async function ask(page: Page, { name, question, passage, place }: Kind): Promise<void> {
  await send(page, question);
  await expect(page.locator('[data-testid=message][data-role=user]').last()).toContainText(question);
  await answered(page);
  const citation = textOf(lastAnswer(page)).locator('a.citation');
  // What is pointed at has its tooltip instead.
  await page.mouse.move(0, 0);
  await expect(citation).toHaveAttribute('title', new RegExp(`^${name.replace('.', '\\.')}`));
  await citation.click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
  const marked = page.locator('[data-testid=passage][data-marked=true]').filter({ hasText: passage });
  await expect(marked).toBeInViewport();
  if (place) {
    await expect(marked).toContainText(place);
  }
}

test('documents of every kind are read, cited in an answer, and opened where that stands', async ({ browser }) => {
  await withCallingModel(browser, answer, async page => {
    await open(page, '/documents');
    await page.getByTestId('new-collection').getByRole('textbox').fill('Kinds');
    await page.keyboard.press('Enter');
    await expect(page).toHaveURL(/documents\?c=\d+/);
    const files = KINDS.map(({ name, buffer }) => ({ name, buffer, mimeType: 'application/octet-stream' }));
    await page.getByTestId('add-files').setInputFiles(files);
    await expect(page.locator('[data-testid=document][data-state=ready]')).toHaveCount(KINDS.length, { timeout: 60_000 });

    await open(page, '/chat');
    await allow(page, 'search_documents');
    for (const kind of KINDS) {
      await ask(page, kind);
      await page.goBack();
      await connected(page);
    }
  });
});
