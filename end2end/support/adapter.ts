import { writeFileSync } from 'node:fs';

/** Numbers of a layer of the model that the journeys use. */
const WIDTH = 576;
const RANK = 4;
const ALIGNMENT = 32;

const number = (n: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
};
const long = (n: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
};
const text = (value: string) => Buffer.concat([long(value.length), Buffer.from(value)]);
const entry = (key: string, value: string) => Buffer.concat([text(key), number(8), text(value)]);

/**
 * Writes a LoRA adapter for a model with layers of the width 576, as GGUF. What it adds is the same whenever it is written, means
 * nothing and is large: with it, an answer is another one.
 */
export function writeAdapter(path: string, layers = [0, 1, 2]): void {
  const alpha = Buffer.alloc(4);
  alpha.writeFloatLE(RANK);
  const entries = [
    entry('general.type', 'adapter'),
    entry('general.architecture', 'llama'),
    entry('adapter.type', 'lora'),
    Buffer.concat([text('adapter.lora.alpha'), number(6), alpha]),
  ];
  const names = layers.flatMap(layer => [`blk.${layer}.attn_output.weight.lora_a`, `blk.${layer}.attn_output.weight.lora_b`]);
  const bytes = WIDTH * RANK * 4;
  const tensors = names.map((name, i) => {
    const shape = name.endsWith('a') ? [WIDTH, RANK] : [RANK, WIDTH];
    return Buffer.concat([text(name), number(2), ...shape.map(long), number(0), long(i * bytes)]);
  });
  const header = Buffer.concat([
    Buffer.from('GGUF'), number(3), long(names.length), long(entries.length), ...entries, ...tensors,
  ]);
  const padding = Buffer.alloc((ALIGNMENT - (header.length % ALIGNMENT)) % ALIGNMENT);
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  const values = Float32Array.from({ length: names.length * WIDTH * RANK }, random);
  writeFileSync(path, Buffer.concat([header, padding, Buffer.from(values.buffer)]));
}
