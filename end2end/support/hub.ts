// A model hub of our own: speaks the API that real ones speak, and goes wrong where it is told to.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { required } from './server';

/** What goes wrong with a file. */
export interface Fault {
  kind: string;
  [key: string]: unknown;
}

export class Hub {
  private constructor(
    private readonly child: ChildProcess,
    readonly address: string,
  ) {}

  /** Serves a folder of `owner/name/file`. */
  static async start(folder: string): Promise<Hub> {
    const child = spawn(required('CHAOSENGINE_HUB'), [folder, '--while-input'], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (!child.stdout) {
      throw new Error('the hub has no output');
    }
    for await (const line of createInterface({ input: child.stdout })) {
      return new Hub(child, line.trim());
    }
    throw new Error('the hub ended before it was there');
  }

  /** From now on these go wrong with a file. */
  async faults(repo: string, path: string, faults: Fault[]): Promise<void> {
    const body = JSON.stringify([{ repo, path, faults }]);
    const reply = await fetch(`${this.address}/-/faults`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    if (!reply.ok) {
      throw new Error(`the hub did not take the faults: ${reply.status}`);
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) {
      return;
    }
    const ended = new Promise<void>(resolve => this.child.once('exit', () => resolve()));
    this.child.stdin?.end();
    await ended;
  }
}
