import { describe, expect, test } from "vitest";
import { fromJobId, fromText, isForeign, toJobId, toName, toQueue, toText } from "./names.ts";

const texts =
  `% %% 7 %7 %%7 007 25 3A %25 %3A %2525 %u0041 meta %meta wait stalled-check a:b : :: ~petiole %7E 🍃 {x}
udead %uDEAD %udead 0199c1d2-7a3b-7e55-8000-2f4c5d6e7f80`
    .split(/\s/)
    .concat("", " ", "\ud800", "\udfff\ud800", "a\0b");

describe("names in Redis", () => {
  test.each([
    ["a text", toText, fromText],
    ["a name", toName, fromText],
    ["a queue", toQueue, fromText],
    ["an id", toJobId, fromJobId],
  ])("%s comes back, and no two become one", (_, to, from) => {
    const written = texts.map(to);
    expect(written.map(from)).toEqual(texts);
    expect(new Set(written).size).toBe(texts.length);
    for (const each of written) expect(each.isWellFormed()).toBe(true);
  });

  test("an id is none of BullMQ's keys, nor one that it gives itself", () => {
    for (const id of ["7", "meta", "wait", "stalled-check", "id", ""]) expect(toJobId(id)).toBe(`%${id}`);
    expect(toJobId("a:b")).not.toContain(":");
    expect(toQueue("~petiole")).not.toBe("~petiole");
  });

  test("an ordinary name stays as it is", () => {
    const id = "0199c1d2-7a3b-7e55-8000-2f4c5d6e7f80";
    expect([toJobId(id), toQueue("e-mail"), toText("50 % of ü")]).toEqual([id, "e-mail", "50 % of ü"]);
  });

  test("a job of others has its queue in its id", () => {
    expect([isForeign("bullmq:mail:7"), isForeign("bullmq:7"), isForeign("mail:7")]).toEqual([
      true,
      false,
      false,
    ]);
    expect(toJobId("bullmq:mail:repeat:x:7")).toBe("mail:repeat:x:7");
  });
});
