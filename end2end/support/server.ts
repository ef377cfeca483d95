// The product under test: the real binary with a real model, in a data folder of its own.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 30_000;
const STOP_MS = 15_000;
const SHORT_ANSWER = 600;
/** Longer than any machine writes while a server waits for its answers before it ends. */
export const ENDLESS_ANSWER = 7_000;

/** Long answers of a small model repeat themselves, which is what a guard ends. */
const UNGUARDED = {
  guard_chars: '',
  guard_lines: '',
  guard_passages: '',
  guard_doubt: '',
  guard_tokens: '',
  guard_start_mb: '',
  guard_start_percent: '',
  guard_warn_mb: '',
  guard_warn_percent: '',
  titles: 'model',
  tool_rounds: '10',
  prompt_days: '30',
  guard_heat: 'off',
  guard_celsius: '',
};

export interface Options {
  /** Keep the data of an earlier server. */
  dataDir?: string;
  /** Listen where an earlier server did. */
  port?: number;
  /** The test model unless said otherwise; a path is that of another one. */
  model?: 'none' | 'last' | { path: string };
  /** More for its command line. */
  more?: string[];
  /** Set in its environment. */
  environment?: Record<string, string>;
}

export class Server {
  /** Those that were started and not stopped. */
  static readonly running = new Set<Server>();
  /** It is for all tests of a worker. */
  isShared = false;

  private constructor(
    private readonly child: ChildProcess,
    readonly address: string,
    readonly dataDir: string,
  ) {}

  /** Starts the binary and waits until its port is open. */
  static async start(options: Options = {}): Promise<Server> {
    const dataDir = options.dataDir ?? freshFolder();
    const args = ['serve', '--port', String(options.port ?? 0), '--data-dir', dataDir, '--log', 'warn'];
    args.push(...modelArgs(options.model), ...(options.more ?? []));
    const child = spawn(required('CHAOSENGINE_BIN'), args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...options.environment },
    });
    const address = await announced(child);
    const server = new Server(child, address, dataDir);
    Server.running.add(server);
    child.once('exit', () => Server.running.delete(server));
    return server;
  }

  get port(): number {
    return Number(new URL(this.address).port);
  }

  /** Waits until the model answers, and gives answers a limit of `maxTokens`. */
  async ready(maxTokens = SHORT_ANSWER): Promise<Server> {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline) {
      if ((await this.modelState()) === 'ready') {
        await this.alwaysTheSame(maxTokens);
        return this;
      }
      await sleep(100);
    }
    throw new Error('the model was not loaded in time');
  }

  /** Makes answers repeatable and lets them end, through the same form that people use. */
  async alwaysTheSame(maxTokens: number): Promise<void> {
    const values = {
      theme: 'system',
      language: '',
      system_prompt: '',
      temperature: '0',
      top_k: '40',
      top_p: '0.95',
      min_p: '0.05',
      repeat_penalty: '1',
      max_tokens: String(maxTokens),
      seed: '1',
      ...UNGUARDED,
    };
    const body = new URLSearchParams(Object.entries(values).map(([name, value]) => [`form[${name}]`, value]));
    const reply = await fetch(`${this.address}/rpc/app/pages/settings/api/save_settings`, { method: 'POST', body });
    if (!reply.ok) {
      throw new Error(`the settings were not saved: ${reply.status}`);
    }
  }

  private async modelState(): Promise<string> {
    const reply = await fetch(`${this.address}/health`);
    const { model } = (await reply.json()) as { model: { state: string } };
    return model.state;
  }

  /** The processes that it started. */
  workers(): number[] {
    return workersOf(this.child.pid);
  }

  /** Kills the worker that holds the model, as an out-of-memory killer would. */
  killWorker(): void {
    for (const pid of workersOf(this.child.pid)) {
      process.kill(pid, 'SIGKILL');
    }
  }

  /** Asks the server to end and waits until it has. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  /** Ends it as a power cut would, worker included. */
  async kill(): Promise<void> {
    this.killWorker();
    await this.end('SIGKILL');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) {
      return;
    }
    const ended = new Promise<void>(resolve => this.child.once('exit', () => resolve()));
    this.child.kill(signal);
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(late);
  }
}

function modelArgs(model: Options['model']): string[] {
  switch (model) {
    case 'none':
      return ['--no-model'];
    case 'last':
      return [];
    case undefined:
      return ['--model', required('CHAOSENGINE_TEST_MODEL')];
    default:
      return ['--model', model.path];
  }
}

const made = new Set<string>();

/** A folder below the one that the test run was given. */
export function freshFolder(): string {
  const parent = process.env.CHAOSENGINE_END2END_DATA ?? tmpdir();
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'data-'));
  made.add(folder);
  return folder;
}

/** Removes the folders that were made and that no server uses: with their models they fill a disk. */
export function removeFolders(): void {
  const used = new Set([...Server.running].map(server => server.dataDir));
  for (const folder of made) {
    if (!used.has(folder)) {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      made.delete(folder);
    }
  }
}

export function required(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run these tests with \`cargo xtask test\``);
  }
  return value;
}

export function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

async function announced(child: ChildProcess): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no address within ${START_MS} ms: ${text}`)), START_MS);
    child.once('exit', code => reject(new Error(`the server ended with ${code}: ${text}`)));
    child.stdout?.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      const address = /http:\/\/\S+/.exec(text)?.[0];
      if (address) {
        clearTimeout(late);
        resolve(address);
      }
    });
  });
}

function workersOf(parent: number | undefined): number[] {
  if (process.platform === 'win32') {
    const query = `(Get-CimInstance Win32_Process -Filter "ParentProcessId=${parent}").ProcessId`;
    return numbers(execFileSync('powershell', ['-NoProfile', '-Command', query], { encoding: 'utf8' }));
  }
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).split('\n').map(numbers);
  return rows.filter(([, ppid]) => ppid === parent).map(([pid]) => pid);
}

function numbers(text: string): number[] {
  return text.trim().split(/\s+/).filter(Boolean).map(Number);
}
