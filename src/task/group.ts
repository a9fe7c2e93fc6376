/** Groups: tasks that are sent together, and whose results are waited for together. @module */
import type { Outgoing } from "../engine.ts";
import type { AppContext } from "./app-context.ts";
import { allReady } from "./batch.ts";
import { Chain, isOf, readyChain, type ReadyChain } from "./chain.ts";
import type { ChainHandle, LastOf } from "./chain-handle.ts";
import type { Unusable } from "./chain-types.ts";
import { makeHandle, type Handle, type WaitOptions } from "./handle.ts";
import { newId } from "./id.ts";
import { optionError, type EnqueueOptions } from "./options.ts";
import { makeOutgoing } from "./outgoing.ts";
import { prepared } from "./prepared.ts";
import type { Sending } from "./scope.ts";
import type { Signature } from "./signature.ts";
import { checkWholeOptions, stepOf, type Step } from "./steps.ts";

/** Options of a group as a whole; those of one member are given with `task.signature`. */
export type GroupOptions = Pick<EnqueueOptions, "headers" | "transaction">;

/** The members, with advice in the place of each that cannot be one. */
export type CheckedMembers<Members extends readonly unknown[]> = {
  readonly [Member in keyof Members]: CheckedMember<Members[Member]>;
};

type CheckedMember<Member> =
  Member extends Chain<infer Arguments, infer _Results>
    ? [] extends Arguments
      ? Member
      : Unusable<"this chain wants a payload: begin it with task.signature(payload)">
    : Member extends Signature
      ? Member
      : Unusable<"a member of a group has its payload: task.signature(payload), or a chain that begins with one">;

/** A handle on each member. */
export type MemberHandles<Members extends readonly unknown[]> = {
  readonly [Member in keyof Members]: Members[Member] extends Chain<infer _Arguments, infer Results>
    ? ChainHandle<Results>
    : Members[Member] extends Signature<infer Result>
      ? Handle<Result>
      : never;
};

/** What the members' handlers return, of a chain the last. */
export type MemberResults<Members extends readonly unknown[]> = {
  -readonly [Member in keyof Members]: Members[Member] extends Chain<infer _Arguments, infer Results>
    ? LastOf<Results>
    : Members[Member] extends Signature<infer Result>
      ? Result
      : never;
};

/** How each member has ended. */
export type MemberOutcomes<Members extends readonly unknown[]> = {
  -readonly [Member in keyof Members]: PromiseSettledResult<MemberResults<Members>[Member]>;
};

/** A group that was enqueued. */
export interface GroupHandle<Members extends readonly unknown[]> {
  /** A handle on each member, in their order. */
  readonly handles: MemberHandles<Members>;

  /**
   * What the members' handlers returned, in their order, once all have: as `Promise.all`, rejects as soon as one has
   * ended otherwise, and the others go on.
   *
   * @param options - `timeout`: how long to wait for all of them; `signal`: gives up when it aborts
   * @throws TaskError, PetioleError as {@link Handle.result}, of the first that did not succeed
   */
  results(options?: WaitOptions): Promise<MemberResults<Members>>;

  /**
   * How the members have ended, once all have: as `Promise.allSettled`. Those that have not ended when the timeout is
   * over are rejected with `ERR_RESULT_TIMEOUT`.
   */
  settled(options?: WaitOptions): Promise<MemberOutcomes<Members>>;

  /**
   * Calls off all members that have not ended.
   *
   * @returns whether there was anything left to call off
   */
  cancel(why?: string): Promise<boolean>;
}

/** Tasks that are sent together. Made by `app.group`. */
export class Group<Members extends readonly unknown[]> {
  readonly members: Members;
  readonly #context: AppContext;
  readonly #checked: readonly (Step | Chain)[];

  /**
   * Made by `app.group` alone.
   *
   * @throws PetioleError `ERR_OPTION_INVALID`
   */
  constructor(context: AppContext, members: Members) {
    this.#context = context;
    this.members = members;
    this.#checked = members.map((each, index) =>
      checkedMember(each, `members[${index}] of a group`, context),
    );
  }

  /**
   * Sends all members: all of them or none, as the engine can. Resolves when the engine has accepted them, or, inside
   * `app.transaction`, at once.
   *
   * @throws EncodeError that names every value that cannot travel in any of the payloads, `members[2].payload.at`
   * @throws PetioleError as `task.enqueue`
   */
  async enqueue(options: GroupOptions = {}): Promise<GroupHandle<Members>> {
    checkWholeOptions("a group", options, { headers: true, transaction: true });
    const parts = this.#checked.map((member, index) =>
      member instanceof Chain
        ? member[readyChain](options, `members[${index}].`)
        : readyMember(member, `members[${index}].payload`, options, this.#context),
    );
    const ready = await allReady<ReadyMember | ReadyChain>(parts, "this group");
    if (ready.length === 0) return groupHandle([]);
    const batch = ready.map(({ outgoing }) => outgoing);
    const sent = await this.#context.transactions.send(batch, options.transaction);
    return groupHandle(ready.map(({ handle }, index) => handle(sent, sent.ids[index]!)));
  }
}

interface ReadyMember {
  readonly outgoing: Outgoing;
  readonly handle: (sending: Sending, id: string) => Handle<unknown>;
}

function checkedMember(value: unknown, where: string, context: AppContext): Step | Chain {
  if (value instanceof Chain) {
    if (!value[isOf](context)) throw optionError(where, "be of this app", "a chain of another");
    return value as Chain;
  }
  const step = stepOf(value, where, context);
  if (step?.given) return step;
  throw optionError(where, "be task.signature(payload), or a chain that begins with one", value);
}

function readyMember(
  { task, options: own, given }: Step,
  root: string,
  { headers, transaction }: GroupOptions,
  context: AppContext,
): Promise<ReadyMember> {
  const what = `this payload to task "${task.name}" in a group`;
  const options = { ...own, ...(transaction === undefined ? {} : { transaction }) };
  const send = {
    id: newId(),
    task: task.name,
    payload: given?.payload,
    headers: { ...headers, ...own.headers },
  };
  return prepared(send, context, async (each) => ({
    outgoing: await makeOutgoing({ ...each, options, root, what }, task.settings, context),
    handle: (sending, id) => makeHandle(context, task.name, id, sending),
  }));
}

type AnyHandle = Pick<Handle<unknown>, "result" | "cancel">;

function groupHandle<Members extends readonly unknown[]>(
  handles: readonly AnyHandle[],
): GroupHandle<Members> {
  return {
    handles: handles as unknown as MemberHandles<Members>,
    async results({ signal, ...options } = {}) {
      const over = new AbortController();
      const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
      try {
        const all = handles.map((handle) => handle.result({ ...options, signal: either }));
        return (await Promise.all(all)) as MemberResults<Members>;
      } finally {
        // Nobody waits for the others any more.
        over.abort();
      }
    },
    settled: async (options) =>
      (await Promise.allSettled(handles.map((handle) => handle.result(options)))) as MemberOutcomes<Members>,
    async cancel(why) {
      const called = await Promise.all(handles.map((handle) => handle.cancel(why)));
      return called.includes(true);
    },
  };
}
