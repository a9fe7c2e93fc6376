import { expect, test } from "vitest";
import { CeleryServer, celeryInMemory } from "../../../test/engines/celery-in-memory.ts";

test("what cannot be put aside does not keep from the worker what was taken with it", async () => {
  const server = new CeleryServer();
  const engine = celeryInMemory(server);
  const message = { task: "a", queue: "celery", payload: "{}", headers: { wire: 1 } };
  await engine.send([{ message: { ...message, id: "bad" }, runAt: 0 }]);
  const [lying] = server.queues.get("celery")!.splice(0);
  server.put({ ...lying!.message, body: Buffer.from("none") });
  await engine.send([{ message: { ...message, id: "good" }, runAt: 0 }]);
  const keep = server.kept.set.bind(server.kept);
  server.kept.set = () => {
    throw new Error("the disk is full");
  };
  const claim = { worker: "w", queues: ["celery"], limit: 2, lease: 50 };
  expect((await engine.claim(claim)).map(({ message: { id } }) => id)).toEqual(["good"]);
  // It was not lost: it is taken again when its lease is over.
  server.kept.set = keep;
  await expect
    .poll(async () => {
      await engine.claim({ ...claim, lease: 5000 });
      return [...server.kept.keys()];
    })
    .toEqual(["bad"]);
  await engine.close();
});
