import { expect, test, vi } from "vitest";
import { memory } from "../engine/memory.ts";
import { Petiole } from "./petiole.ts";

test("unless it is given a logger, a worker tells names of strangers so that they move no cursor and forge no line", async () => {
  const lines: unknown[] = [];
  const spy = vi.spyOn(console, "warn").mockImplementation((line) => void lines.push(line));
  const engine = memory();
  const app = new Petiole({ engine });
  const worker = app.worker({ queues: ["default"] });
  await worker.start();
  const task = "\u001B[2Ja\r\nTask b (1): done\u202E\u009B1A";
  const message = { id: "1", task, queue: "default", payload: "1", headers: { wire: 1 } };
  await engine.send([{ message, runAt: 0 }]);
  await expect.poll(() => lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^Task {2}\[2Ja \n {2}Task b \(1\): done {2}1A \(1\): park: /);
  // oxlint-disable-next-line no-control-regex
  expect(lines[0]).not.toMatch(/[\0-\u0009\u000B-\u001F\u007F-\u009F\u202E]/);
  await worker.stop();
  await app.close();
  spy.mockRestore();
});
