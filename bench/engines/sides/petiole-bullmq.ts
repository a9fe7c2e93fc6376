/** Petiole on its BullMQ engine. @module */
import { Redis } from "ioredis";
import { bullmq } from "petiole/engine/bullmq";
import { petiole } from "../petiole.ts";
import { serve } from "../serve.ts";

serve(petiole(({ at }) => bullmq({ connection: new Redis(at) })));
