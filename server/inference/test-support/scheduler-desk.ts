import { defaultSampling, type Sampling } from "#shared/sampling.ts";
import type { GeneratedToken, PrefillReport } from "../engine.ts";
import type { LanguageModel, Row } from "../language-model.ts";
import type { WorkerRequest } from "../protocol.ts";
import { Scheduler, type SchedulerOptions } from "../scheduler.ts";

/** What a row of a step was: where it began, how many tokens it had, and on which cache. */
export interface RecordedRow {
  past: number;
  length: number;
  cache: Row["cache"];
}

export type Ending =
  | { how: "ended" }
  | { how: "failed"; message: string }
  | { how: "refused"; message: string }
  | { how: "barred" };

/** A scheduler whose steps and reports are written down. */
export interface SchedulerDesk {
  readonly scheduler: Scheduler;
  readonly steps: RecordedRow[][];
  readonly prefills: Map<number, PrefillReport>;
  readonly endings: Map<number, Ending>;
  readonly queues: number[][];
  tokensOf(generation: number): GeneratedToken[];
  idsOf(generation: number): number[];
  /** In which step each of its tokens was drawn. */
  stepsOf(generation: number): number[];
  /** Tokens computed in all steps so far. */
  computedTokens(): number;
  /** Called between two steps. */
  betweenSteps: () => void;
}

/** A request that never ends, but for what is named. */
export function ask(
  prompt: readonly number[],
  sampling: Partial<Sampling> = {},
  request: Partial<WorkerRequest> = {},
): WorkerRequest {
  return {
    prompt: [...prompt],
    firstIndex: 0,
    sampling: { ...defaultSampling, seed: 1, maxTokens: null, ...sampling },
    history: [],
    written: [],
    bannedSequences: [],
    alternatives: 0,
    ...request,
  };
}

/** `greedy`: consumers take each token at once. */
export function openSchedulerDesk(
  options: Omit<SchedulerOptions, "events" | "listen"> & { greedy?: boolean },
): SchedulerDesk {
  const steps: RecordedRow[][] = [];
  const tokens = new Map<number, GeneratedToken[]>();
  const drawnIn = new Map<number, number[]>();
  const listOf = <T>(lists: Map<number, T[]>, id: number): T[] => {
    const list = lists.get(id) ?? [];
    lists.set(id, list);
    return list;
  };
  const { model, greedy = false } = options;
  const scheduler = new Scheduler({
    ...options,
    model: recorded(model, steps),
    events: {
      prefilled: (id, report) => void desk.prefills.set(id, report),
      token(id, token) {
        listOf(tokens, id).push(token);
        listOf(drawnIn, id).push(steps.length - 1);
        if (greedy) scheduler.credit(id, 1);
      },
      ended: (id) => void desk.endings.set(id, { how: "ended" }),
      failed: (id, message) => void desk.endings.set(id, { how: "failed", message }),
      refused: (id, message) => void desk.endings.set(id, { how: "refused", message }),
      barred: (id) => void desk.endings.set(id, { how: "barred" }),
      queue: (generations) => void desk.queues.push(generations),
    },
    listen: () => new Promise((resolve) => setImmediate(resolve)).then(() => desk.betweenSteps()),
  });
  const desk: SchedulerDesk = {
    scheduler,
    steps,
    prefills: new Map(),
    endings: new Map(),
    queues: [],
    tokensOf: (id) => listOf(tokens, id),
    idsOf: (id) => listOf(tokens, id).map((token) => token.id),
    stepsOf: (id) => listOf(drawnIn, id),
    computedTokens: () => steps.flat().reduce((sum, { length }) => sum + length, 0),
    betweenSteps: () => {},
  };
  return desk;
}

function recorded(model: LanguageModel, steps: RecordedRow[][]): LanguageModel {
  return wrap(model, {
    run(rows) {
      steps.push(rows.map(({ cache, past, tokens }) => ({ cache, past, length: tokens.length })));
      return model.run(rows);
    },
  });
}

/** A model that is another but for what is given. */
export function wrap(model: LanguageModel, other: Partial<LanguageModel>): LanguageModel {
  return new Proxy(model, {
    get(target, name) {
      const value: unknown = Reflect.get(name in other ? other : target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
