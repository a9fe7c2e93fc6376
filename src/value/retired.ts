/** retired(): types that are gone on purpose. @module */
import { PetioleError, ValueError, describe, messageOf } from "../errors.ts";
import { registerType } from "../wire/register-type.ts";
import { checkName, register, type RetiredType } from "../wire/value-type.ts";
import { evolutionOf } from "./evolution.ts";

/** What is still to be known of a type that is gone. */
export interface RetiredOptions {
  /** The last version it had. 1 unless told. */
  readonly version?: number;
  /** The names it had before. */
  readonly aliases?: readonly string[];
  /**
   * What takes the place of its instances: plain data, or an instance of another class. It is given their fields, or
   * what `encode` made of them, as they travelled, and their version. Unless told, nothing does.
   */
  readonly use?: (data: Record<string, unknown>, version: number) => unknown;
  /** `"value"` when it was adopted with `encode` and `decode`; `use` is then given what `encode` returned. */
  readonly layout?: RetiredType["layout"];
}

/**
 * Says that a type is gone on purpose. Put what it returns into `values`, in the type's place.
 *
 * A task whose payload still holds one fails at once, with `ERR_TYPE_RETIRED`, instead of being parked for a worker
 * that knows it; unless `use` says what takes its place.
 *
 * @throws PetioleError `ERR_TYPE_NAME`, `ERR_VALUE_DEFINITION`
 *
 * @example
 * retired("shop.Voucher");
 * retired("shop.Price", { use: ({ cents }) => new Money({ amount: BigInt(cents as number), currency: "EUR" }) });
 */
export function retired(name: string, options: RetiredOptions = {}): RetiredType {
  const { version = 1, aliases = [], use, layout = "fields" } = options;
  checkName(name, "a retired type");
  // There is nothing to upgrade to.
  evolutionOf(name, layout, { aliases });
  const isVersion = Number.isSafeInteger(version) && version >= 1;
  if (!isVersion || (use !== undefined && typeof use !== "function")) {
    const wrong = isVersion
      ? `use, ${describe(use)}, is no function`
      : `version, ${describe(version)}, is none`;
    throw new PetioleError("ERR_VALUE_DEFINITION", `retired(${JSON.stringify(name)}): its ${wrong}.`);
  }
  const type: RetiredType = {
    name,
    version,
    aliases,
    layout,
    isReplaced: use !== undefined,
    replace: replacement(name, use),
    [register]: (registry) => registerType(type, registry),
  };
  return type;
}

/** What goes wrong in a user's function is told as what was received being of no use. */
function replacement(name: string, use: RetiredOptions["use"]): RetiredType["replace"] {
  const refuse = (problem: string, options?: { readonly cause: unknown }): ValueError =>
    new ValueError(name, [{ path: [], message: problem }], options);
  return (content, version) => {
    if (!use) throw refuse(`${name} is retired, and nothing takes its place`);
    let instead: unknown;
    try {
      instead = use(content as Record<string, unknown>, version);
    } catch (error) {
      throw refuse(`what takes the place of ${name} threw: ${messageOf(error)}`, { cause: error });
    }
    if (instead instanceof Promise) throw refuse(`what takes the place of ${name} is a Promise`);
    return instead;
  };
}
