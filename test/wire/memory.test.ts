/** Memory stays within a small multiple of the text: small texts that claim to be large, each in its own process. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { bombs } from "./bombs.ts";

const probe = fileURLToPath(new URL("memory-probe.ts", import.meta.url));
const megabyte = 1024 * 1024;

/** What a process may take for itself, and for each byte of the text. */
const own = 64 * megabyte;
const perByte = 80;

interface Cost {
  readonly outcome: string;
  readonly text: number;
  readonly grown: number;
}

function decodeApart(name: string, size: number): Cost {
  const parameters = ["--expose-gc", "--max-old-space-size=1024", probe, name, String(size)];
  // A process that is killed, or that runs out of memory, fails here.
  return JSON.parse(
    execFileSync(process.execPath, parameters, { encoding: "utf8", timeout: 60_000 }),
  ) as Cost;
}

test.each(Object.keys(bombs))(
  "%s",
  (name) => {
    for (const size of [1, 2_000]) {
      const { outcome, text, grown } = decodeApart(name, size);
      expect(["decoded", "ERR_TEXT_UNDECODABLE", "ERR_TYPE_UNKNOWN", "ERR_PAYLOAD_LIMIT"]).toContain(outcome);
      expect(grown, `${outcome}, from ${text} characters`).toBeLessThan(own + perByte * text);
    }
  },
  150_000,
);
