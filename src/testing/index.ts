/**
 * For tests of your tasks: `testApp`. For whoever writes an engine or an ORM adapter: their contracts. With any
 * test runner.
 *
 * @module petiole/testing
 */
export {
  engineContract,
  type ContractSkip,
  type DefineTest,
  type Elsewhere,
  type EngineContractOptions,
  type EngineHarness,
  type RunningTest,
} from "./engine-contract.ts";
export {
  ormContract,
  type ContractModelName,
  type ContractRow,
  type ContractRows,
  type ContractTransaction,
  type ContractWrites,
  type OrmContractHarness,
  type OrmContractOptions,
  type TestRunnerLike,
} from "./orm-contract.ts";
export { TestApp, testApp, type AppLike, type Enqueued } from "./test-app.ts";
