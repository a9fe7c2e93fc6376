/**
 * What the contract consists of.
 *
 * @module
 */
import type { EngineFeature } from "../../engine.ts";
import { appChainCases } from "./app-chains.ts";
import { appGroupCases } from "./app-groups.ts";
import { appRetryingCases } from "./app-retrying.ts";
import { appRunningCases } from "./app-running.ts";
import { appWorkerCases } from "./app-workers.ts";
import { appSilenceCases } from "./app-silence.ts";
import { bulkCases } from "./bulk.ts";
import { cancellingCases } from "./cancelling.ts";
import type { ContractCase } from "./case.ts";
import { claimingCases } from "./claiming.ts";
import { closingCases } from "./closing.ts";
import { competingCases } from "./competing.ts";
import { endingCases } from "./ending.ts";
import { interruptingCases } from "./interrupting.ts";
import { keepingCases } from "./keeping.ts";
import { keyCases } from "./keys.ts";
import { laneReadinessCases } from "./lane-readiness.ts";
import { lackingCases } from "./lacking.ts";
import { laneCases } from "./lanes.ts";
import { leavingCases } from "./leaving.ts";
import { managingCases } from "./managing.ts";
import { pausingCases } from "./pausing.ts";
import { priorityCases } from "./priorities.ts";
import { reportingCases } from "./reporting.ts";
import { sendingCases } from "./sending.ts";
import { settlingCases } from "./settling.ts";
import { textCases } from "./texts.ts";
import { wakingCases } from "./waking.ts";
import { watchingCases } from "./watching.ts";

/** Tests that have a subject in common. */
export interface ContractGroup {
  readonly name: string;
  readonly cases: readonly ContractCase[];
}

/** A group. Where all of it is about one thing that some engines lack, `feature` is that. */
function group(name: string, cases: readonly ContractCase[], feature?: EngineFeature): ContractGroup {
  if (feature === undefined) return { name, cases };
  const withFeature = (one: ContractCase): ContractCase => ({
    ...one,
    features: [feature, ...(one.features ?? [])],
  });
  return { name, cases: cases.map(withFeature) };
}

/** All of the contract. */
export const contractGroups: readonly ContractGroup[] = [
  group("sending", sendingCases),
  group("in bulk", bulkCases),
  group("priorities", priorityCases),
  group("keys", keyCases, "uniqueKeys"),
  group("claiming", claimingCases),
  group("settling", settlingCases),
  group("waking", wakingCases),
  group("lanes", [...laneCases, ...laneReadinessCases], "limits"),
  group("leaving to others", leavingCases, "needs"),
  group("ending", endingCases),
  group("keeping", keepingCases),
  group("reporting", reportingCases, "reports"),
  group("watching", watchingCases),
  group("cancelling", cancellingCases),
  group("pausing", pausingCases, "pause"),
  group("looking after tasks", managingCases),
  group("texts", textCases),
  group("closing", closingCases),
  group("what it lacks", lackingCases),
  group("several processes", competingCases),
  group("interruptions", interruptingCases),
  group("an app's tasks", appRunningCases),
  group("an app's retries", appRetryingCases),
  group("an app's workers", appWorkerCases),
  group("an app's chains", [...appChainCases, ...appGroupCases]),
  group("an app that was silent", appSilenceCases),
];
