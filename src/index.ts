/**
 * Petiole carries objects from web processes to workers.
 *
 * @module petiole
 */
export type {
  Capabilities,
  Engine,
  ListRequest,
  LogLine,
  Progress,
  QueueCount,
  Reason,
  TaskPage,
  TaskRecord,
  TaskState,
} from "./engine.ts";
export {
  DecodeError,
  EncodeError,
  LimitError,
  PetioleError,
  TaskError,
  ValueError,
  errorCodes,
  type ErrorCode,
  type FieldIssue,
  type Refusal,
} from "./errors.ts";
export type { Message, MessageHeaders } from "./message.ts";
export type { OrmAdapter } from "./model/adapter.ts";
export type { SaveOperation } from "./model/observer.ts";
export { ref, type ReferenceOptions, type RowOf } from "./model/ref.ts";
export { lazy, snapshot } from "./model/snapshot.ts";
export type { Chain } from "./task/chain.ts";
export type { ChainHandle, StepHandles } from "./task/chain-handle.ts";
export type { ChainOptions, Unusable } from "./task/chain-types.ts";
export type { Duration } from "./task/duration.ts";
export type { Group, GroupHandle, GroupOptions } from "./task/group.ts";
export type { Handle, WaitOptions } from "./task/handle.ts";
export type { Job } from "./task/job.ts";
export type { EnqueueContext, Middleware, RunMiddlewareContext } from "./task/middleware.ts";
export type {
  EnqueueOptions,
  ErrorMatch,
  GeneralTaskOptions,
  RateLimit,
  RetryOptions,
  TaskOptions,
  TaskSettings,
  UniqueOption,
} from "./task/options.ts";
export type { PetioleOptions, TransactionStrength } from "./task/make-app-context.ts";
export { Petiole } from "./task/petiole.ts";
export type {
  InstancesOf,
  KnownOf,
  ModelNamesOf,
  Portable,
  RowsOf,
  Sent,
  Unportable,
} from "./task/portable.ts";
export type { RelayOptions, RunningRelay } from "./task/relay.ts";
export type { RetiredTaskOptions } from "./task/retired.ts";
export type { ScheduleOptions } from "./task/schedule.ts";
export type { Signature, StepOptions, TaskWith } from "./task/signature.ts";
export type { SaveListener, SaveOptions, Saved, SavedOptions } from "./task/saved.ts";
export type { Handler, Task } from "./task/task.ts";
export type { TransactionOf } from "./task/transaction-of.ts";
export type { Worker, WorkerLogger, WorkerOptions } from "./task/worker.ts";
export {
  Value,
  anything,
  optional,
  retired,
  schemaOf,
  value,
  type AdoptedByCodec,
  type AdoptedByFields,
  type Anything,
  type Evolution,
  type FieldTable,
  type FieldType,
  type FieldsOf,
  type Optional,
  type RetiredOptions,
  type RetiredType,
  type StandardSchemaLike,
  type TypeOfField,
  type Upgrades,
  type ValueClass,
  type ValueEntry,
  type ValueMethods,
  type ValueType,
} from "./value/index.ts";
export { createWire, type Limits, type Wire, type WireOptions } from "./wire/index.ts";
export { Lazy } from "./wire/lazy.ts";
export { Reference, type Key, type KeyPart, type ReferenceDetails } from "./wire/reference.ts";
export { storedRows, type RowsEntry } from "./wire/stored-rows.ts";
export { Snapshot, type FieldChange } from "./wire/snapshot.ts";
