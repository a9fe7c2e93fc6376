/** One round of one side: fresh processes on an empty store, some tasks to warm up, then those that count. @module */
import { median } from "../measure.ts";
import { SideProcess } from "./process.ts";
import type { Place, Resident } from "./side.ts";

/** How many tasks a round has. */
export interface Size {
  /** Not timed: code gets compiled, pages and pools get filled. */
  readonly warmUp: number;
  readonly count: number;
}

interface Pair {
  readonly producer: SideProcess;
  openWorker(concurrency: number): Promise<SideProcess>;
}

/** Runs `work` with a producer process and, on demand, a worker process; checks at the end that nothing was lost. */
async function inProcesses<Result>(
  side: string,
  place: Place,
  tasks: number,
  work: (pair: Pair) => Promise<Result>,
): Promise<Result> {
  const processes: SideProcess[] = [];
  const start = (): SideProcess => {
    const process = new SideProcess(side);
    processes.push(process);
    return process;
  };
  try {
    const producer = start();
    await producer.ask("openProducer", { place });
    const workers: SideProcess[] = [];
    const openWorker = async (concurrency: number): Promise<SideProcess> => {
      const worker = start();
      await worker.ask("openWorker", { place, concurrency });
      workers.push(worker);
      return worker;
    };
    const result = await work({ producer, openWorker });
    for (const worker of workers) await worker.ask("close", {});
    const kept = await producer.ask("kept", {});
    if (kept !== null && kept !== tasks) throw new Error(`${side} kept ${kept} of ${tasks} tasks`);
    await producer.ask("close", {});
    return result;
  } finally {
    await Promise.all(processes.map((process) => process.kill()));
  }
}

/** Tasks a second. */
export interface Drain {
  readonly enqueue: number;
  readonly process: number;
}

/** Enqueued while no worker is there; then run by one, with no other process at work. */
export function drain(
  side: string,
  place: Place,
  concurrency: number,
  { warmUp, count }: Size,
): Promise<Drain> {
  return inProcesses(side, place, warmUp + count, async ({ producer, openWorker }) => {
    await producer.ask("send", { from: 0, count: warmUp, inFlight: 50 });
    const { began, ended } = await producer.ask("send", { from: warmUp, count, inFlight: 50 });
    const worker = await openWorker(concurrency);
    const { first, last } = await worker.ask("until", { from: warmUp, count: warmUp + count });
    return { enqueue: (count / (ended - began)) * 1000, process: (count / (last - first)) * 1000 };
  });
}

/** Tasks a second, from the first that is sent to the last that is run, with the worker at work meanwhile. */
export function endToEnd(side: string, place: Place, concurrency: number, size: Size): Promise<number> {
  const { warmUp, count } = size;
  return inProcesses(side, place, warmUp + count, async ({ producer, openWorker }) => {
    const worker = await openWorker(concurrency);
    await producer.ask("send", { from: 0, count: warmUp, inFlight: 50 });
    await worker.ask("until", { from: 1, count: warmUp });
    const ended = worker.ask("until", { from: warmUp + 1, count: warmUp + count });
    const { began } = await producer.ask("send", { from: warmUp, count, inFlight: 50 });
    return (count / ((await ended).last - began)) * 1000;
  });
}

/** Milliseconds from before a task is sent to the start of its handler, on a worker that has nothing else to do: p50. */
export function idleLatency(side: string, place: Place, { warmUp, count }: Size): Promise<number> {
  const every = 50;
  return inProcesses(side, place, warmUp + count, async ({ producer, openWorker }) => {
    const worker = await openWorker(10);
    await producer.ask("trickle", { from: 0, count: warmUp, every: every / 2 });
    const sent = await producer.ask("trickle", { from: warmUp, count, every });
    await worker.ask("until", { from: 1, count: warmUp + count });
    const started = await worker.ask("starts", { from: warmUp, count });
    return median(started.map((at, index) => at - sent[index]!));
  });
}

/** The memory of one worker after so many tasks, and after so many in all. */
export function residents(
  side: string,
  place: Place,
  few: number,
  many: number,
): Promise<readonly [Resident, Resident]> {
  return inProcesses(side, place, many, async ({ producer, openWorker }) => {
    const worker = await openWorker(10);
    await producer.ask("send", { from: 0, count: few, inFlight: 500 });
    await worker.ask("until", { from: 1, count: few });
    const before = await worker.ask("resident", {});
    await producer.ask("send", { from: few, count: many - few, inFlight: 500 });
    await worker.ask("until", { from: 1, count: many });
    return [before, await worker.ask("resident", {})];
  });
}
