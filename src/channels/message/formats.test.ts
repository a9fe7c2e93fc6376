import { expect, test, vi } from "vitest";
import { serializerOf } from "./formats.ts";

test("without the package for MessagePack it says what to do; JSON needs none", async () => {
  vi.doMock("@msgpack/msgpack", () => {
    throw new Error("Cannot find package '@msgpack/msgpack'");
  });
  await expect(serializerOf("msgpack")).rejects.toMatchObject({
    code: "ERR_OPTION_INVALID",
    message: expect.stringContaining("npm install @msgpack/msgpack"),
    cause: expect.any(Error),
  });
  expect((await serializerOf("json")).write({ type: "x" }).toString()).toBe('{"type":"x"}');
  vi.doUnmock("@msgpack/msgpack");
  expect(await serializerOf("msgpack")).toBeDefined();
});
