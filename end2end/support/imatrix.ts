// An importance matrix of the model that tests answer with, in the older form of `llama-imatrix`: what matters was not measured, but
// every matrix of the model has an entry, and no two columns matter alike.

import { writeFileSync } from 'node:fs';

// SmolLM2-135M: layers, how wide a token is in them, and how wide it is inside of what follows attention.
const LAYERS = 30;
const WIDTH = 576;
const INNER = 1536;

/** Names of its matrices, and how many columns each has. */
function matrices(): [name: string, columns: number][] {
  const ofLayer = (layer: number): [string, number][] =>
    ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'].map(name => [
      `blk.${layer}.${name}.weight`,
      name === 'ffn_down' ? INNER : WIDTH,
    ]);
  return Array.from({ length: LAYERS }, (_, layer) => ofLayer(layer)).flat();
}

/** Writes it to `path`. */
export function writeImatrix(path: string): void {
  const all = matrices();
  const entries = all.map(([name, columns]) => Buffer.concat([int(name.length), Buffer.from(name), int(1), int(columns), importance(columns)]));
  writeFileSync(path, Buffer.concat([int(all.length), ...entries]));
}

function int(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(n);
  return bytes;
}

function importance(columns: number): Buffer {
  const bytes = Buffer.alloc(4 * columns);
  for (let i = 0; i < columns; i += 1) bytes.writeFloatLE(1 + Math.sin(i * 12.9898) ** 2, 4 * i);
  return bytes;
}
