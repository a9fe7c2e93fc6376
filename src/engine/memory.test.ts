import { describe, test } from "vitest";
import { engineContract } from "../testing/engine-contract.ts";
import { memory } from "./memory.ts";

engineContract({
  describe,
  test,
  name: "memory",
  create: () => {
    const engine = memory();
    return { engine, close: () => engine.close() };
  },
});
