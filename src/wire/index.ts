/**
 * The wire: any value as text, and back exactly, or a refusal that says what cannot travel and why.
 *
 * @module petiole/wire
 */
export {
  DecodeError,
  EncodeError,
  LimitError,
  PetioleError,
  type ErrorCode,
  type Refusal,
} from "../errors.ts";
export { Foreign } from "./foreign.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export type { RetiredType, ValueClassLike, ValueEntry, ValueType } from "./value-type.ts";
export { createWire, type Wire, type WireOptions } from "./wire.ts";
