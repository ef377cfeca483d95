// The test model with another chat template: it begins every answer with a thought, or follows no instructions.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { required } from './server';

const TEMPLATE =
  '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}' +
  '<|im_start|>assistant\n{% if enable_thinking is defined and not enable_thinking %}<think></think>' +
  '{% else %}<think>\n{% endif %}';

/** Writes the model into `folder` and says where. */
export function thinkingModel(folder: string): string {
  const bytes = readFileSync(required('CHAOSENGINE_TEST_MODEL'));
  const key = 'tokenizer.chat_template';
  // Behind the key are four bytes that say that it is a text, and eight with its length.
  const begin = bytes.indexOf(key) + key.length + 12;
  const length = Number(bytes.readBigUInt64LE(begin - 8));
  bytes.write(`{#${' '.repeat(length - TEMPLATE.length - 4)}#}${TEMPLATE}`, begin);
  const path = join(folder, 'Thinker.gguf');
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
