/**
 * Names of queues. pg-boss takes letters, digits and `_ . - /`; all other names are written with escapes, so that its own
 * methods and its dashboard take them: `my queue` is `my..0020queue`.
 *
 * @module
 */

const valid = /^[\w.\-/]+$/;
const escape = /\.\.([0-9a-f]{4})/g;

/** The name of pg-boss's queue. */
export function toQueue(name: string): string {
  // Named "..", a queue would look like the one without a name.
  if (valid.test(name) && name.search(escape) < 0 && name !== "..") return name;
  if (name === "") return "..";
  return name.replaceAll(/[^\w\-/]/g, (char) => `..${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The name that gives this name of pg-boss's queue. */
export function fromQueue(queue: string): string {
  if (queue === "..") return "";
  return queue.replaceAll(escape, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}
