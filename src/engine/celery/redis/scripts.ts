/**
 * The scripts that the engine runs in Redis.
 *
 * @module
 */
import { script } from "./connection.ts";
import { beginChords, countParts } from "./lua/chords.ts";
import * as kept from "./lua/kept.ts";
import { extend, finish, giveBack, hold, prolong, publish, take } from "./lua/messages.ts";
import { adopt, expired, look, restore } from "./lua/restoring.ts";
import { stored, storing } from "./lua/results.ts";

export const scripts = {
  publish: script(publish),
  take: script(take),
  extend: script(extend),
  prolong: script(prolong),
  finish: script(finish),
  giveBack: script(giveBack),
  hold: script(hold),
  expired: script(expired),
  restore: script(restore),
  adopt: script(adopt),
  look: script(look),
  storing: script(storing),
  stored: script(stored),
  beginChords: script(beginChords),
  countParts: script(countParts),
  keep: script(kept.put),
  findKept: script(kept.find),
  listKept: script(kept.list),
  countKept: script(kept.counts),
  lendKept: script(kept.lend),
  removeKept: script(kept.remove),
} as const;
