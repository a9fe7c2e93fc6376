/** The disk of an engine's file is full: what is sent is refused, what was accepted is there, and all goes on later. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { mountRefusal, mountSmall } from "../../fixtures/engine/files.ts";
import type { Fault } from "../fault.ts";
import type { Round } from "../round.ts";
import type { Sender } from "../sender.ts";
import { until } from "../until.ts";

const lease = 2000;

/**
 * More than SQLite's files have room for within themselves, each time: the log grows to 4 MiB, or to what was written at
 * once, before it is used again.
 */
const tooMuch = [6 * 2 ** 20, 14 * 2 ** 20];

export const full: Fault = {
  name: "full",
  tasks: { share: 1 },
  unfit: ({ store }) => (store.port === undefined ? mountRefusal() : "its server keeps the data"),
  async run(round) {
    const { isShort, signal } = round.scene;
    const { directory, close } = mountSmall("64m");
    round.atEnd(close);
    const config = { file: join(directory, "tasks.db") };
    const sender = round.sender(config);
    const crew = round.crew(config, lease);
    await crew.startAll(2);
    const times = isShort ? 1 : tooMuch.length;
    const share = Math.ceil(round.tasks / times);
    for (let index = 0; index < times; index++) {
      const count = Math.min(share, round.tasks - index * share);
      const half = Math.floor(count / 2);
      // While it is being filled, and while it is full.
      const before = round.sendOver(sender, half, 300, { first: () => round.random.below(30) });
      await round.pause(50, 250);
      const filler = await fill(directory);
      const after = before.then(() =>
        sender.send(count - half, { ballast: Math.ceil(tooMuch[index]! / (count - half)) }),
      );
      const refused = sender.refusals.length;
      await until("a send is refused", () => sender.refusals.length > refused, signal);
      round.happened("disk full");
      await sleep(isShort ? 500 : 2000);
      await areKept(round, sender);
      rmSync(filler);
      await after;
    }
    await round.drained(sender.engine);
    const others = sender.refusals.filter(
      (error) => Reflect.get(error as Error, "code") !== "ERR_ENGINE_DISK_FULL",
    );
    if (others.length > 0) round.problems.push(`a full disk was told as ${String(others[0])}`);
  },
};

/** Takes all room that there is, and says by which file. */
async function fill(directory: string): Promise<string> {
  const file = join(directory, "filler");
  if (existsSync(file)) throw new Error(`${file} is there already`);
  for (;;) {
    const { bavail, bsize } = await statfs(directory);
    if (bavail === 0) return file;
    try {
      writeFileSync(file, Buffer.alloc(bavail * bsize), { flag: "a" });
    } catch {
      // Somebody else took a part of it.
    }
  }
}

/** What was accepted is known while the disk is full. */
async function areKept(round: Round, sender: Sender): Promise<void> {
  const records = await Promise.all([...sender.accepted.values()].map((id) => sender.engine.find(id)));
  const missing = records.filter((record) => record === undefined).length;
  if (missing > 0)
    round.problems.push(`lost: ${missing} accepted tasks are not there while the disk is full`);
}
