// What is measured with: a chat of 10,000 messages, 10,000 chats, and a long answer, the same every time.

const WORDS =
  'lamp harbour signal tide keeper storm ledger morning copper vessel northern quiet measure window lantern salt rope distance paper glass current winter engine careful'.split(
    ' ',
  );

export const N_MESSAGES = 10_000;
export const N_CHATS = 10_000;
export const LONG_TITLE = 'The long chat';
export const LAST_WORDS = `Turn ${N_MESSAGES - 1} `;

/** So many words that follow from `seed`. */
export function words(n: number, seed: number): string {
  return Array.from({ length: n }, (_, i) => WORDS[(i * (seed * 7 + 3) + ((i / 5) | 0) + seed) % WORDS.length]).join(' ');
}

function code(seed: number): string {
  const lines = Array.from({ length: 8 }, (_, i) => `    let ${words(1, seed + i)}_${i} = measure(${seed + i}, "${words(2, seed * i + 1)}");`);
  return ['```rust', `fn ${words(1, seed)}_${seed}() {`, ...lines, '}', '```'].join('\n');
}

function table(seed: number): string {
  const rows = Array.from({ length: 6 }, (_, i) => `| ${words(1, seed + i)} | ${words(2, seed + 2 * i)} | ${seed * 3 + i} |`);
  return ['| name | what | number |', '|---|---|---:|', ...rows].join('\n');
}

function list(seed: number): string {
  return Array.from({ length: 4 }, (_, i) => `- **${words(1, seed + i)}**: ${words(9, seed + 3 * i)}`).join('\n');
}

/** What an assistant says: mostly prose, with code and tables now and then. */
function said(seed: number): string {
  const more = [list, code, table][((seed / 2) | 0) % 6]?.(seed);
  const paragraphs = [`Turn ${seed} is about **${words(2, seed)}**. ${words(40, seed)}.`, more, `${words(30, seed + 5)}.`];
  return paragraphs.filter(Boolean).join('\n\n');
}

function turn(n: number) {
  const isQuestion = n % 2 === 0;
  const text = isQuestion ? `Turn ${n} asks: ${words(18, n)}?` : said(n);
  return { parent: n === 0 ? null : n - 1, role: isQuestion ? 'user' : 'assistant', text, created_ms: n + 1 };
}

function file(chats: object[]): string {
  return JSON.stringify({ format: 'chaosengine-chats', version: 1, chats });
}

/** A chat of 10,000 messages that is newer than all others. */
export function longChat(): string {
  const turns = Array.from({ length: N_MESSAGES }, (_, n) => turn(n));
  return file([{ title: LONG_TITLE, updated_ms: Date.now(), shown: N_MESSAGES - 1, turns }]);
}

/** 10,000 chats of two messages. */
export function manyChats(): string {
  const chat = (n: number) => ({
    title: `${words(4, n)} ${n}`,
    updated_ms: 1_700_000_000_000 + n * 60_000,
    tags: n % 10 === 0 ? [words(1, n)] : [],
    shown: 1,
    turns: [turn(2 * n), { ...turn(2 * n + 1), parent: 0 }].map((it, i) => ({ ...it, parent: i === 0 ? null : 0 })),
  });
  return file(Array.from({ length: N_CHATS }, (_, n) => chat(n)));
}

/** An answer in so many pieces of about the size of tokens: prose, lists, code and tables. */
export function longAnswer(n_pieces: number): string[] {
  const pieces: string[] = [];
  for (let seed = 1; pieces.length < n_pieces; seed += 1) {
    const text = [`## ${words(3, seed)} ${seed}`, `${words(50, seed)}.`, list(seed), code(seed), `${words(30, seed + 9)}.`, table(seed)].join('\n\n');
    pieces.push(...(`${text}\n\n`.match(/[\s\S]{1,4}/g) ?? []));
  }
  return pieces.slice(0, n_pieces);
}
