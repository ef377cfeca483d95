// Chromium's own record of what a page's main thread did, and what that cost each frame.

import type { Browser, Page } from '@playwright/test';

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds; so is every time in here. */
  ts: number;
  dur?: number;
  /** Processor time of the thread, which other programs on the machine do not lengthen. */
  tdur?: number;
  args: { name?: string };
}

/** Main-thread time of each frame, in ms, and the long tasks among it. */
export interface Frames {
  /** Of the clock on the wall. */
  wall: number[];
  /** Of the processor. */
  cpu: number[];
  longestTask: number;
  nLongTasks: number;
  /** Where the time went, in ms a frame on average. */
  parts: Record<string, number>;
}

const CATEGORIES = ['-*', 'devtools.timeline', 'disabled-by-default-devtools.timeline', 'v8.execute', '__metadata'];
const LONG_TASK_MS = 50;
const PARTS = ['EventDispatch', 'FireAnimationFrame', 'FunctionCall', 'UpdateLayoutTree', 'Layout', 'PrePaint', 'Paint', 'Layerize', 'Commit', 'MinorGC', 'MajorGC', 'ParseHTML', 'HitTest', 'IntersectionObserverController::computeIntersections'];

/** What the page's main thread did while `act` ran. */
export async function traced(browser: Browser, page: Page, act: () => Promise<void>): Promise<Frames> {
  const path = process.env.CHAOSENGINE_TRACE;
  await browser.startTracing(page, { categories: CATEGORIES, ...(path ? { path } : {}) });
  let buffer: Buffer;
  try {
    await act();
  } finally {
    buffer = await browser.stopTracing();
  }
  return framesOf(eventsOf(buffer));
}

function eventsOf(buffer: Buffer): TraceEvent[] {
  return (JSON.parse(buffer.toString()) as { traceEvents: TraceEvent[] }).traceEvents;
}

function framesOf(events: TraceEvent[]): Frames {
  const main = mainThread(events);
  const tasks = main.filter(event => event.ph === 'X' && isTask(event)).sort((a, b) => a.ts - b.ts);
  const commits = main.filter(event => event.ph === 'X' && event.name === 'Commit').map(ends).sort((a, b) => a - b);
  const frames: Frames = { wall: [], cpu: [], longestTask: 0, nLongTasks: 0, parts: {} };
  let next = 0;
  for (const commit of commits) {
    let [wall, cpu] = [0, 0];
    // Whatever began before a frame was handed over belongs to it: what it shows was prepared there.
    for (; next < tasks.length && tasks[next].ts <= commit; next += 1) {
      wall += (tasks[next].dur ?? 0) / 1000;
      cpu += (tasks[next].tdur ?? tasks[next].dur ?? 0) / 1000;
    }
    frames.wall.push(wall);
    frames.cpu.push(cpu);
  }
  for (const task of tasks) {
    const ms = (task.dur ?? 0) / 1000;
    frames.longestTask = Math.max(frames.longestTask, ms);
    frames.nLongTasks += ms > LONG_TASK_MS ? 1 : 0;
  }
  for (const name of PARTS) {
    const part = main.filter(event => event.ph === 'X' && event.name === name);
    frames.parts[name] = part.reduce((sum, event) => sum + (event.dur ?? 0), 0) / 1000 / Math.max(commits.length, 1);
  }
  return frames;
}

function ends(task: TraceEvent): number {
  return task.ts + (task.dur ?? 0);
}

function isTask(event: TraceEvent): boolean {
  return event.name === 'RunTask';
}

/** Events of the renderer's main thread that did most: that of the page. */
function mainThread(events: TraceEvent[]): TraceEvent[] {
  const names = events.filter(event => event.name === 'thread_name' && event.args.name === 'CrRendererMain');
  const threads = names.map(({ pid, tid }) => events.filter(event => event.pid === pid && event.tid === tid));
  const busy = (thread: TraceEvent[]) => thread.reduce((sum, event) => sum + (isTask(event) ? (event.dur ?? 0) : 0), 0);
  const [most] = threads.sort((a, b) => busy(b) - busy(a));
  if (!most) {
    throw new Error('the trace has no main thread of a page');
  }
  return most;
}
