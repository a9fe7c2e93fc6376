/** A Petiole app as a side, on any engine. @module */
import { Petiole } from "petiole";
import type { Engine } from "petiole/engine";
import { noteOf, outcomeOf, type Note, type Outcome } from "./payload.ts";
import type { Place, Side } from "./side.ts";

/** The contract that web and worker process share. */
function appOn(engine: Engine) {
  const app = new Petiole({ engine });
  return { app, task: app.task<Note, Outcome>("bench.note") };
}

/** What is measured is a whole app: its codec, its worker loop, its watchdog, all as they come. */
export function petiole(open: (place: Place) => Engine | Promise<Engine>): Side {
  return {
    async producer(place) {
      const { app, task } = appOn(await open(place));
      await app.engine.open();
      return {
        send: (n) => task.enqueue(noteOf(n)),
        async kept() {
          const counts = await app.engine.counts();
          return counts.find(({ state }) => state === "succeeded")?.count ?? 0;
        },
        close: () => app.close(),
      };
    },
    async worker(place, concurrency, began) {
      const { app, task } = appOn(await open(place));
      task.run(async (note) => {
        began(note.n);
        return outcomeOf(note);
      });
      const worker = app.worker({ concurrency });
      await worker.start();
      return {
        async close() {
          await worker.stop();
          await app.close();
        },
      };
    },
  };
}
