import { describe, expect, test, vi } from "vitest";
import { Snapshot, type SnapshotBinding } from "../model/index.ts";
import { PetioleError, createWire } from "./index.ts";
import { storedRows } from "./stored-rows.ts";
import { createTaskWire } from "./wire.ts";

const wire = createWire({ values: [storedRows()] });
const snapshot = new Snapshot("qa.Comment", 7, { id: 7, body: "x", at: new Date(0), n: 5n });
const many = [1, 2, 3, 4].map((pk) => new Snapshot("qa.Comment", pk, { id: pk, at: new Date(pk) }));

describe("without a database", () => {
  const unknown = (what: string) =>
    expect.objectContaining({
      code: "ERR_MODEL_UNKNOWN",
      message: `${what} of a snapshot of qa.Comment: there is no database here; a worker's handler has one.`,
    });

  test("a snapshot has its fields, and its reference", () => {
    const received = wire.decode(wire.encode(snapshot)) as Snapshot<{ body: string; n: bigint }>;
    expect(received.fields).toStrictEqual({ id: 7, body: "x", at: new Date(0), n: 5n });
    expect(received.reference).toMatchObject({ model: "qa.Comment", pk: 7 });
  });

  test("it is no entity, cannot be saved and compares nothing", async () => {
    for (const one of [
      snapshot,
      wire.decode(wire.encode(snapshot)) as Snapshot,
      (wire.decode(wire.encode(many)) as Snapshot[])[2]!,
    ]) {
      expect(() => one.entity).toThrow(unknown("entity"));
      expect(() => one.entity).toThrow(PetioleError);
      expect(() => one.diff({})).toThrow(unknown("diff()"));
      // A rejection, and not thrown before there is a promise.
      const saving = one.save();
      await expect(saving).rejects.toThrow(unknown("save()"));
      await expect(one.save({ transaction: {} })).rejects.toThrow(unknown("save()"));
    }
  });

  test("asking for nothing throws nothing: it can be looked at and printed", () => {
    expect(Object.keys(snapshot)).toStrictEqual(["model", "pk", "fields"]);
    expect(JSON.parse(JSON.stringify(many))).toMatchObject([{ model: "qa.Comment", pk: 1 }, {}, {}, {}]);
    expect({ ...snapshot }).toMatchObject({ pk: 7 });
  });
});

describe("with one", () => {
  const entity = { id: 7 };
  const binding = {
    entityOf: vi.fn(() => entity),
    save: vi.fn(() => Promise.resolve()),
    diff: vi.fn(() => [{ field: "body", before: "x", after: "y" }]),
  } satisfies SnapshotBinding;
  const bind = vi.fn((model: string) => (model === "qa.Comment" ? binding : undefined));
  const received = (value: unknown): unknown =>
    createTaskWire({ values: [storedRows()] })
      .open(wire.encode(value), "payload")
      .decode({ snapshot: bind });

  test("a snapshot that is received can do all of it, alone, in a list and in a graph", async () => {
    const deep = (levels: number): unknown => (levels === 0 ? snapshot : [deep(levels - 1)]);
    const shallow = createWire({ values: [storedRows()], limits: { depth: 30 } }).encode(deep(40));
    let inGraph: unknown = createTaskWire({ values: [storedRows()] })
      .open(shallow, "payload")
      .decode({ snapshot: bind });
    while (Array.isArray(inGraph)) inGraph = inGraph[0];
    for (const one of [
      received(snapshot),
      (received([snapshot]) as Snapshot[])[0],
      (received(new Map([["k", snapshot]])) as Map<string, Snapshot>).get("k"),
      (received(many) as Snapshot[])[3],
      inGraph,
    ] as Snapshot[]) {
      expect(one.entity).toBe(entity);
      expect(binding.entityOf).toHaveBeenLastCalledWith(one);
      const transaction = {};
      await one.save({ transaction });
      expect(binding.save).toHaveBeenLastCalledWith(one, { transaction });
      await one.save();
      expect(binding.save).toHaveBeenLastCalledWith(one, {});
      const row = { body: "y" };
      expect(one.diff(row)).toStrictEqual([{ field: "body", before: "x", after: "y" }]);
      expect(binding.diff).toHaveBeenLastCalledWith(one, row);
    }
  });

  test("one of a model that is not known is as without a database", () => {
    const other = received(new Snapshot("qa.Answer", 1, {})) as Snapshot;
    expect(bind).toHaveBeenLastCalledWith("qa.Answer");
    expect(() => other.entity).toThrow(expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" }));
  });

  test("what is received can be sent again, and is the same text", () => {
    for (const value of [snapshot, [snapshot, { snapshot }], many, { fields: snapshot.fields, many }]) {
      const again = received(value);
      expect(wire.encode(again)).toBe(wire.encode(value));
      expect(wire.encode(received(again))).toBe(wire.encode(value));
    }
  });

  test("one snapshot in two places is one again", () => {
    const [one, two] = received([snapshot, snapshot]) as [Snapshot, Snapshot];
    expect(one).toBe(two);
    expect(one.entity).toBe(entity);
  });

  test("one in the fields of a reference is data: nothing binds it", () => {
    const reference = snapshot.reference;
    const was = { before: snapshot };
    const carrying = new (reference.constructor as new (...given: unknown[]) => typeof reference)(
      reference.model,
      reference.pk,
      undefined,
      was,
    );
    const { was: arrived } = received(carrying) as { was: { before: Snapshot } };
    expect(arrived.before.fields).toStrictEqual(snapshot.fields);
    expect(() => arrived.before.entity).toThrow(expect.objectContaining({ code: "ERR_MODEL_UNKNOWN" }));
  });
});
