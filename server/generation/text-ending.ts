import type { FinishReason } from "#shared/run.ts";
import type { Sampling } from "#shared/sampling.ts";
import { findTextEnd } from "../inference/text-end.ts";
import type { ModelToken } from "./model-text.ts";

/** Ends a run with a sentence or a paragraph. */
export interface TextEnding {
  /** The tokens that may be written now, in order; `ended` where they are the run's last. */
  push(tokens: readonly ModelToken[]): { ready: readonly ModelToken[]; ended: boolean };
  /** What was held back, where nothing more comes: up to what may be an end, else all. */
  end(): readonly ModelToken[];
  /** Why a run that ended here did. */
  readonly reason: FinishReason;
}

/** So many more tokens may finish what the run is in when its length is reached. */
const finishingTokens = { sentence: 64, paragraph: 256 } as const;

/** The most tokens that a run may draw, with those that finish a sentence; null: endless. */
export function mostTokens({ maxTokens, stopAt }: Sampling): number | null {
  if (maxTokens === null || stopAt === null) return maxTokens;
  return maxTokens + finishingTokens[stopAt];
}

/** So much of the text before is looked at, to know what a token stands in. */
const textBefore = 400;

/**
 * With `minTokens` a run ends with the first sentence or paragraph that ends once they are written;
 * else with the one that it is in when `maxTokens` are. `before` is the text that it goes on from.
 */
export function createTextEnding(sampling: Sampling, before: string): TextEnding {
  const { stopAt, minTokens, maxTokens } = sampling;
  const startsAt = minTokens > 0 ? minTokens : maxTokens;
  const reason = minTokens > 0 ? "stop_string" : "max_tokens";
  if (stopAt === null || startsAt === null) {
    return { push: (ready) => ({ ready, ended: false }), end: () => [], reason };
  }
  let text = before.slice(-textBefore);
  /** Offset of the first character that is held back. */
  let written = text.length;
  let from: number | undefined;
  let held: ModelToken[] = [];
  let possible: number | undefined;

  function take(token: ModelToken): void {
    // What was drawn before counts too, where the run goes on after its length was reached.
    if (token.index >= (startsAt ?? 0)) from ??= text.trimEnd().length;
    held.push(token);
    text += token.text;
    if (token.index + 1 < (startsAt ?? 0) || from !== undefined) return;
    from = minTokens > 0 ? text.length : text.trimEnd().length;
  }

  function release(to: number): ModelToken[] {
    const ready: ModelToken[] = [];
    for (let token = held[0]; token !== undefined; token = held[0]) {
      if (written + token.text.length > to) break;
      written += token.text.length;
      ready.push(token);
      held.shift();
    }
    return ready;
  }

  /** The piece in which the end lies is no whole token; its text is wanted all the same. */
  function releaseCut(to: number): ModelToken[] {
    const ready = release(to);
    const crossing = held[0];
    const rest = to - written;
    if (crossing && rest > 0) ready.push({ ...crossing, text: crossing.text.slice(0, rest) });
    held = [];
    return ready;
  }

  return {
    reason,
    push(tokens) {
      for (const token of tokens) take(token);
      if (from === undefined) return { ready: release(text.length), ended: false };
      const found = findTextEnd(text, stopAt, from);
      possible = found.possible;
      if (found.end !== undefined) return { ready: releaseCut(found.end), ended: true };
      return { ready: release(possible ?? text.length), ended: false };
    },
    end: () => (possible === undefined ? held.splice(0) : releaseCut(possible)),
  };
}
