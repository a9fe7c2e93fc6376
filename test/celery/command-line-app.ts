/** An app for `petiole worker`, on the broker that `BROKER` names. */
import { Petiole } from "petiole";
import { engineAt } from "./typescript-worker.ts";

export const app = new Petiole({ engine: engineAt(process.env["BROKER"]!, { hostname: "cli@ours" }) });
app.task("cli.add", ({ x, y }: { x: number; y: number }) => x + y, { queue: "cli" });
