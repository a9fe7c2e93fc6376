/** Raw pg-boss, whose workers are woken by NOTIFY. @module */
import { rawPgBoss } from "../pg-boss.ts";
import { serve } from "../serve.ts";

serve(rawPgBoss(true));
