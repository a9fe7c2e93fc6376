/** A library that does what the wire does, or comes near. @module */
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import type { Codec } from "./case.ts";
import type { CaseName } from "./cases.ts";

/** How a peer takes part in one case. */
export interface Part {
  readonly codec: Codec;
  /** What it is given; the case's value, unless its own classes are needed. */
  readonly sends?: unknown;
  /** What comes back; what was sent, unless it does not promise that. */
  readonly arrives?: unknown;
  /** What it does not do, or the option that it needs. */
  readonly note?: string;
}

export interface Peer {
  /** With its version. */
  readonly name: string;
  /** Its part in each case, or why it has none. */
  readonly parts: Readonly<Record<CaseName, Part | string>>;
}

/** A package's name and the version that is installed. */
export function named(packageName: string): string {
  const path = findPackageJSON(packageName, import.meta.url);
  if (path === undefined) throw new Error(`There is no package.json of ${packageName}.`);
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { version: string };
  return `${packageName} ${version}`;
}
