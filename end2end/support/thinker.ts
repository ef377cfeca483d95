// The test model with another chat template: it begins every answer with a thought, always says the same, or follows no
// instructions.

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { required } from './server';

const THINKING =
  '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}' +
  '<|im_start|>assistant\n{% if enable_thinking is defined and not enable_thinking %}<think></think>' +
  '{% else %}<think>\n{% endif %}';

/** What the model that titles chats says, and how it calls every chat. */
export const SAID = 'The wind cools the wick.';
export const CALLED = 'The wind and the lamp';

/** A small model says again what it has said eight times, to the letter. */
const SAYING =
  `{% set said = '${CALLED}' if 'Write a title' in messages[0].content else '${SAID}' %}` +
  '{% for n in range(8) %}<|im_start|>user\nGo on.<|im_end|>\n<|im_start|>assistant\n{{ said }}<|im_end|>\n{% endfor %}' +
  '<|im_start|>user\nGo on.<|im_end|>\n<|im_start|>assistant\n';

/** Models that take less write no titles. */
const LARGE = 750_000_000;

/** Writes the model into `folder` and says where. */
export function thinkingModel(folder: string): string {
  return withTemplate(join(folder, 'Thinker.gguf'), THINKING);
}

/** Writes a model that titles chats into `folder` and says where: as large as those that do, with nothing behind its tensors. */
export function titlingModel(folder: string): string {
  const path = withTemplate(join(folder, 'Titler.gguf'), SAYING);
  truncateSync(path, LARGE);
  return path;
}

function withTemplate(path: string, template: string): string {
  const bytes = readFileSync(required('CHAOSENGINE_TEST_MODEL'));
  const key = 'tokenizer.chat_template';
  // Behind the key are four bytes that say that it is a text, and eight with its length.
  const begin = bytes.indexOf(key) + key.length + 12;
  const length = Number(bytes.readBigUInt64LE(begin - 8));
  bytes.write(`{#${' '.repeat(length - template.length - 4)}#}${template}`, begin);
  writeFileSync(path, bytes);
  return path;
}

/** Writes the model without its chat template into `folder` and says where. */
export function templatelessModel(folder: string): string {
  const bytes = readFileSync(required('CHAOSENGINE_TEST_MODEL'));
  bytes.write('tokenizer.none_template', bytes.indexOf('tokenizer.chat_template'));
  const path = join(folder, 'Plain.gguf');
  writeFileSync(path, bytes);
  return path;
}
