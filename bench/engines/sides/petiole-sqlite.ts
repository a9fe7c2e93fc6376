/** Petiole on its SQLite engine. @module */
import { sqlite } from "petiole/engine/sqlite";
import { petiole } from "../petiole.ts";
import { serve } from "../serve.ts";

serve(petiole(({ at, power }) => sqlite(at, { durability: power ? "power" : "process" })));
