/** The program of a side's process: does what the parent asks for, one thing after another. @module */
import { setTimeout as pause } from "node:timers/promises";
import { collect } from "../measure.ts";
import type { Answer, Closing, Command, Producer, Request, Side } from "./side.ts";
import { Starts } from "./starts.ts";

/** How many tasks a process may run. */
const capacity = 200_000;

/** Monotonic, and the same for all processes of the machine. In milliseconds. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Answers the parent, until it goes. To be called once, by the module of a side. */
export function serve(side: Side): void {
  const starts = new Starts(capacity, now);
  let producer: Producer | undefined;
  let opened: Closing | undefined;

  const answers: { readonly [Name in Command]: (request: Request<Name>) => Promise<Answer<Name>> } = {
    async openProducer({ place }) {
      opened = producer = await side.producer(place);
    },
    async openWorker({ place, concurrency }) {
      opened = await side.worker(place, concurrency, (n) => starts.began(n));
    },
    async send({ from, count, inFlight }) {
      const began = now();
      let next = from;
      const lane = async (): Promise<void> => {
        while (next < from + count) await producer!.send(next++);
      };
      await Promise.all(Array.from({ length: inFlight }, lane));
      return { began, ended: now() };
    },
    async trickle({ from, count, every }) {
      const began: number[] = [];
      for (let n = from; n < from + count; n++) {
        // Not at the beat of whoever polls.
        await pause(every * (0.5 + Math.random()));
        began.push(now());
        await producer!.send(n);
      }
      return began;
    },
    until: ({ from, count }) => starts.until(from, count),
    starts: async ({ from, count }) => starts.of(from, count),
    async resident() {
      const atOnce = process.memoryUsage.rss();
      const collected: number[] = [];
      for (let sample = 0; sample < 5; sample++) {
        await pause(100);
        collect({ type: "major", flavor: "last-resort" });
        collected.push(process.memoryUsage.rss());
      }
      return { atOnce, collected: Math.min(...collected) };
    },
    kept: async () => (await producer!.kept()) ?? null,
    async close() {
      await opened!.close();
    },
  };

  process.on("message", async ({ name, request }: { name: Command; request: never }) => {
    try {
      process.send!({ answer: await answers[name](request) });
    } catch (error) {
      process.send!({ failed: error instanceof Error ? error.stack : String(error) });
    }
  });
  // The parent is gone, or has had enough.
  process.once("disconnect", () => process.exit());
}
