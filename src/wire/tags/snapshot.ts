/** A row as it was: `{"model": "qa.Comment", "pk": 7, "fields": {…}}`. @module */
import { describe } from "../../errors.ts";
import { isKey } from "../reference.ts";
import { Snapshot } from "../snapshot.ts";
import { checkRow } from "./reference.ts";
import { Malformed, partsOf, takeRecord, type Tag } from "../tag.ts";

export const snapshotTag: Tag<Snapshot> = {
  name: "snapshot",
  layout: "fields",
  identity: true,
  keepsProperties: true,
  write({ model, pk, fields }) {
    checkRow(model, pk);
    return { model, pk: typeof pk === "object" ? { ...pk } : pk, fields: { ...fields } };
  },
  read(content, reading) {
    const { model, pk, fields, ...rest } = partsOf(content);
    if (typeof model !== "string") throw new Malformed("a model's name", describe(model));
    if (!isKey(pk)) throw new Malformed("a key of text, numbers and bigints", describe(pk));
    const [other] = Object.keys(rest);
    if (other !== undefined) throw new Malformed("a model, a pk and fields alone", `also ${describe(other)}`);
    return new Snapshot(model, pk, takeRecord(fields, "fields"), reading.bind?.(model));
  },
};
