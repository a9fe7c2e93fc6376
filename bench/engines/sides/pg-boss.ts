/** Raw pg-boss, whose workers look for jobs every half second. @module */
import { rawPgBoss } from "../pg-boss.ts";
import { serve } from "../serve.ts";

serve(rawPgBoss(false));
