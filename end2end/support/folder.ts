// A tiny model as it is published: the description and the tokenizer of a family, and weights that nobody trained.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MODELS = fileURLToPath(new URL('../../server/convert/tests/parity/models', import.meta.url));

type Tensor = [name: string, dtype: string, shape: number[]];

/** Writes a model of `family` into `folder`, without the tensors in `lacking`. */
export function writeFolder(folder: string, family: string, lacking: string[] = []): void {
  mkdirSync(folder, { recursive: true });
  const source = join(MODELS, family);
  for (const name of readdirSync(source)) copyFileSync(join(source, name), join(folder, name));
  const { tensors } = JSON.parse(readFileSync(join(source, 'tensors.json'), 'utf8')) as { tensors: Tensor[] };
  writeWeights(
    join(folder, 'model.safetensors'),
    tensors.filter(([name]) => !lacking.includes(name)),
  );
}

function writeWeights(path: string, tensors: Tensor[]): void {
  const header: Record<string, unknown> = {};
  const data: Buffer[] = [];
  let at = 0;
  for (const [name, , shape] of tensors) {
    const bytes = numbers(shape.reduce((all, n) => all * n, 1));
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
    data.push(bytes);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([length, text, ...data]));
}

/** Small numbers, different ones: a matrix of equal ones makes all tokens equally likely. */
function numbers(n: number): Buffer {
  const bytes = Buffer.alloc(4 * n);
  for (let i = 0; i < n; i += 1) bytes.writeFloatLE(Math.sin(i * 12.9898) * 0.1, 4 * i);
  return bytes;
}
