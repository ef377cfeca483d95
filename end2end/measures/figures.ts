// What was measured, as rows of a table that `cargo xtask bench pages` writes.

import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { required } from '../support/server';

interface Figure {
  what: string;
  unit: string;
  /** At most this, where something is aimed at. */
  aim?: number;
  /** One for each time it was measured. */
  values: number[];
}

const figures: Figure[] = [];
let chromium = '';
const loadBefore = loadavg()[0] ?? 0;

/** Says which browser it is. */
export function measuredIn(version: string): void {
  chromium = version;
}

/** Adds a value to the figure of that name. */
export function note(what: string, unit: string, value: number, aim?: number): void {
  const known = figures.find(figure => figure.what === what);
  if (known) {
    known.values.push(value);
  } else {
    figures.push({ what, unit, aim, values: [value] });
  }
  console.log(`  ${what}: ${value.toFixed(1)} ${unit}`);
  writeFileSync(required('CHAOSENGINE_FIGURES'), JSON.stringify({ loadBefore, processors: cpus().length, chromium, figures }));
}

/** The value below which so many of them are. */
export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
