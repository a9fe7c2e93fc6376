/** Petiole on its pg-boss engine. @module */
import { PgBoss } from "pg-boss";
import { pgBoss } from "petiole/engine/pg-boss";
import { petiole } from "../petiole.ts";
import { serve } from "../serve.ts";

serve(
  petiole(async ({ at }) => {
    const boss = new PgBoss({ connectionString: at });
    boss.on("error", (error) => console.error(error));
    await boss.start();
    return pgBoss(boss);
  }),
);
