import type { GeneratedToken, PrefillReport } from "./engine.ts";
import type { SequenceMemory } from "./sequence-memory.ts";
import type { WindowSlide } from "./window-slide.ts";

/** One row of a step: tokens of a task to be computed on one of its memories. */
export interface Share {
  task: Task;
  memory: SequenceMemory;
  tokens: readonly number[];
  /** Of how many of the last tokens the logits are wanted. */
  outputs: number;
}

/** What is left of a step for a task. */
export interface StepRoom {
  rows: number;
  /** Tokens of prompts that may still be computed, all tasks together. */
  promptTokens: number;
}

/** What a task has to tell once logits are there. */
export interface TaskNews {
  prefill?: PrefillReport | undefined;
  tokens: readonly GeneratedToken[];
}

/** A memory to start from, and where a task gets others from. */
export interface Seat {
  memory: SequenceMemory;
  createMemory(): SequenceMemory;
  discardMemory(memory: SequenceMemory): void;
}

/** One request on its way: what is still to be computed of it, and what comes out. */
export interface Task {
  /** Grows in the order of arrival. */
  readonly id: number;
  readonly sequence: number;
  /** How many places it takes, and memories of `mostTokens` each it may come to need. */
  readonly places: number;
  readonly mostTokens: number;
  /** The tokens that it goes on from; their keys and values are needed first. */
  readonly prompt: readonly number[];
  /** Of how many of them keys and values may be taken over; the last one's logits are wanted. */
  readonly mostKept: number;
  /** Tokens that may still be drawn before the consumer has to take one. */
  credit: number;
  /** Whether there is nothing left to draw. */
  readonly finished: boolean;
  /** Whether it can go on: its consumer wants tokens, and it has a memory. */
  readonly ready: boolean;
  readonly seated: boolean;
  /** Tokens that are computed before the next can be drawn; 0 without a memory. */
  readonly pendingTokens: number;
  /** The end of its window, where it is on its way beyond it. */
  readonly slide: WindowSlide | undefined;
  /** Takes a memory that begins with the prompt's first `computed.length` tokens. */
  sit(seat: Seat): void;
  /** Lets its memories go; it can sit down again. */
  rise(): void;
  /** Its rows in the next step. */
  nextShares(room: StepRoom): Share[];
  /** Takes in the logits of a row of its own; the memory knows the tokens already. */
  settle(share: Share, logits: readonly Float32Array[]): TaskNews;
}
