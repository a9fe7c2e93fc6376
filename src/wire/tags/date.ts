/**
 * A Date, as Kombu writes a datetime: ISO 8601 with an offset. Not with `Z`, which Python reads from 3.11 on only.
 *
 * @module
 */
import { describe } from "../../errors.ts";
import { Malformed, type Tag } from "../tag.ts";

const form = /^((?:[+-]\d{6}|\d{4})-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{3})(?:000)?)?\+00:00$/;

export const dateTag: Tag<Date> = {
  name: "datetime",
  layout: "scalar",
  identity: false,
  write(value) {
    const time = value.getTime();
    return Number.isNaN(time) ? null : value.toISOString().replace("Z", "+00:00");
  },
  read(content) {
    if (content === null) return new Date(NaN);
    const match = typeof content === "string" ? form.exec(content) : null;
    if (!match) throw new Malformed("a time in whole milliseconds at offset +00:00", describe(content));
    const text = `${match[1]}.${match[2] ?? "000"}Z`;
    const date = new Date(text);
    // The platform takes 30 February for 2 March; a date that does not write itself the same is none.
    if (Number.isNaN(date.getTime()) || date.toISOString() !== text) {
      throw new Malformed("a time that exists", describe(content));
    }
    return date;
  },
};
