import { expect, test } from "vitest";
import { isChannelName, refuseInvalidChannel, refuseInvalidGroup, sharedPart } from "./names.ts";

test("takes the names of Channels", () => {
  for (const name of ["jobs", "a-b_c.D9", "x".repeat(99), "specific.3f!9a", "specific.3f!", "a!_-."])
    expect(isChannelName(name), name).toBe(true);
  expect(() => refuseInvalidChannel("specific.3f!9a")).not.toThrow();
  expect(() => refuseInvalidGroup("chat.room-7")).not.toThrow();
});

test.each([
  "",
  "x".repeat(100),
  "a b",
  "grüße",
  "jobs\n",
  "٣",
  "a:b",
  "!a",
  "a!b!c",
  "a$inflight",
  5,
  null,
  undefined,
  {},
])("refuses %j", (name) => {
  const refused = expect.objectContaining({ code: "ERR_OPTION_INVALID" });
  expect(() => refuseInvalidChannel(name)).toThrow(refused);
  expect(() => refuseInvalidGroup(name)).toThrow(refused);
});

test("a group's name has no process-local part", () => {
  expect(() => refuseInvalidGroup("a!b")).toThrow(/group's name/);
});

test("what channels of one process share ends with the mark", () => {
  expect(["jobs", "specific.3f!9a", "a!"].map(sharedPart)).toEqual(["jobs", "specific.3f!", "a!"]);
});
