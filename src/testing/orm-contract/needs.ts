/** When a case does not apply. */
import type { OrmFeature } from "../../model/adapter.ts";
import type { OrmContractHarness } from "./harness.ts";

/** Why a case does not apply to a harness; undefined when it does. */
export type Reason = (harness: OrmContractHarness) => string | undefined;

/** Why a case that needs these features does not apply. */
export function needs(...features: readonly OrmFeature[]): Reason {
  return ({ adapter }) =>
    features
      .filter((feature) => adapter.capabilities.lacks[feature] !== undefined)
      .map((feature) => `${adapter.name} lacks ${feature}: ${adapter.capabilities.lacks[feature]}`)[0];
}

/** Why a case that is about the lack of a feature does not apply. */
export function lacks(feature: OrmFeature): Reason {
  return ({ adapter }) =>
    adapter.capabilities.lacks[feature] === undefined ? `${adapter.name} has ${feature}` : undefined;
}

/** The first reason of several. */
export function anyOf(...reasons: readonly Reason[]): Reason {
  return (harness) => {
    for (const reasonOf of reasons) {
      const reason = reasonOf(harness);
      if (reason !== undefined) return reason;
    }
    return undefined;
  };
}

/** Why a case that needs this part of the harness does not apply. */
export function needsPart(part: "hide" | "begin" | "another" | "countQueries", reason: string): Reason {
  return (harness) => (harness[part] === undefined ? reason : undefined);
}

/** An error's expectation: this code, and these words in the message. */
export function errorWith(code: string, ...words: readonly string[]): (error: unknown) => true {
  return (error) => {
    if (!(error instanceof Error)) throw new TypeError(`expected an error with the code ${code}`);
    const received = Reflect.get(error, "code") as unknown;
    if (received !== code)
      throw new Error(`expected the code ${code}, got ${String(received)}: ${error.message}`, {
        cause: error,
      });
    for (const word of words) {
      if (!error.message.includes(word))
        throw new Error(`the message was to say ${JSON.stringify(word)}: ${error.message}`, { cause: error });
    }
    return true;
  };
}
