import { describe, test } from "vitest";
import { littleHarness } from "../../test/fixtures/little-orm/harness.ts";
import { ormContract } from "./orm-contract.ts";

ormContract({ describe, test, name: "a little ORM", create: littleHarness });
