import { likeliest } from "./candidates.ts";
import type { TokenAlternative } from "./engine.ts";
import { logSumExp } from "./logits-processors.ts";

export interface BeamSearchOptions {
  /** How many texts are followed side by side. */
  beams: number;
  /** A text's score is the sum of its tokens' divided by its length to this power. */
  lengthPenalty: number;
  /** Whether as many ended texts as there are beams are enough; else only when none can be better. */
  earlyStopping: boolean;
  /** Tokens that may be drawn at most. */
  maxTokens: number;
  endOfTextId: number;
  /** How many of the likeliest tokens each one tells beside itself; none by default. */
  alternatives?: number;
}

export interface BeamToken {
  id: number;
  /** Natural logarithm of its probability after penalties. */
  logprob: number;
  alternatives?: readonly TokenAlternative[];
}

/** A text that goes on. */
export interface LiveBeam {
  /** Which of the live texts before the last step it goes on from. */
  parent: number;
  /** All tokens since the search began. */
  tokens: readonly BeamToken[];
  /** Sum of its tokens' scores. */
  score: number;
}

/** The bookkeeping of a beam search: which texts go on, which have ended, and which is the best. */
export interface BeamSearch {
  /** Best first: one without tokens in the beginning, later at most `beams`; none once it is done. */
  readonly live: readonly LiveBeam[];
  readonly done: boolean;
  /** One step: `scores[i]` are the scores of the tokens that may follow `live[i]`; −Infinity bans one. */
  advance(scores: readonly Float32Array[]): void;
  /** The best text, when done; before that the best so far. Where it ended by itself, the end-of-text token is its last. */
  best(): readonly BeamToken[];
}

interface EndedText {
  tokens: readonly BeamToken[];
  /** Per token, as the length penalty has it. */
  score: number;
}

interface Follower {
  parent: number;
  id: number;
  score: number;
}

/**
 * Follows the likeliest texts as Hugging Face's BeamSearchScorer does (transformers,
 * generation/beam_search.py): of the 2 · beams best followers of all live texts an end-of-text among
 * the first `beams` ends its text, and the first `beams` others go on. Among equals the better
 * parent's follower and then the lower id comes first.
 */
export function createBeamSearch(options: BeamSearchOptions): BeamSearch {
  const { beams, maxTokens, endOfTextId, earlyStopping } = options;
  const ended: EndedText[] = [];
  let live: readonly LiveBeam[] = [{ parent: 0, tokens: [], score: 0 }];
  let step = 0;

  function end(tokens: readonly BeamToken[], score: number): void {
    ended.push({ tokens, score: perToken(score, tokens.length) });
    ended.sort((a, b) => b.score - a.score);
    ended.length = Math.min(ended.length, beams);
  }

  function perToken(score: number, tokens: number): number {
    return score / tokens ** options.lengthPenalty;
  }

  /** Whether no live text can take a place among the ended ones any more. */
  function isSettled(bestScore: number): boolean {
    const worst = ended[beams - 1];
    if (worst === undefined) return false;
    return earlyStopping || worst.score >= perToken(bestScore, step);
  }

  function finish(): void {
    for (const { tokens, score } of live) if (tokens.length > 0) end(tokens, score);
    live = [];
  }

  return {
    get live() {
      return live;
    },
    get done() {
      return live.length === 0;
    },
    advance(scores) {
      step++;
      const followers = bestFollowers(live, scores, 2 * beams);
      const first = followers[0];
      if (first === undefined) return finish();
      const describe = createDescriber(scores, options.alternatives ?? 0);
      const goOn: LiveBeam[] = [];
      for (const [rank, { parent, id, score }] of followers.entries()) {
        if (id === endOfTextId && rank >= beams) continue;
        const tokens = [...(live[parent]?.tokens ?? []), describe(parent, id)];
        if (id === endOfTextId) end(tokens, score);
        else goOn.push({ parent, tokens, score });
        if (goOn.length === beams) break;
      }
      live = goOn;
      if (isSettled(first.score)) live = [];
      else if (step >= maxTokens) finish();
    },
    best: () => (ended[0] ?? live[0])?.tokens ?? [],
  };
}

/** The `count` best followers of all live texts, best first. */
function bestFollowers(
  live: readonly LiveBeam[],
  scores: readonly Float32Array[],
  count: number,
): Follower[] {
  const followers = live.flatMap((beam, parent) => {
    const own = scores[parent];
    if (own === undefined) throw new RangeError("Each live text needs its scores.");
    // More of one text than are wanted of all cannot be among them.
    return Array.from(likeliest(own, count), (id) => ({
      parent,
      id,
      score: beam.score + (own[id] ?? -Infinity),
    }));
  });
  return followers
    .sort((a, b) => b.score - a.score || a.parent - b.parent || a.id - b.id)
    .slice(0, count);
}

/** Tells a chosen token as it will be seen; probabilities are worked out only for parents that need it. */
function createDescriber(scores: readonly Float32Array[], alternatives: number) {
  const normalisers = new Map<number, number>();
  const likeliestOf = new Map<number, readonly TokenAlternative[]>();

  function logprob(parent: number, id: number): number {
    const own = scores[parent];
    if (own === undefined) return -Infinity;
    const normaliser = normalisers.get(parent) ?? logSumExp(own);
    normalisers.set(parent, normaliser);
    return (own[id] ?? -Infinity) - normaliser;
  }

  function alternativesOf(parent: number): readonly TokenAlternative[] {
    const known = likeliestOf.get(parent);
    if (known !== undefined) return known;
    const ids = likeliest(scores[parent] ?? new Float32Array(), alternatives);
    const told = Array.from(ids, (id) => ({ id, logprob: logprob(parent, id) }));
    likeliestOf.set(parent, told);
    return told;
  }

  return (parent: number, id: number): BeamToken => {
    const token = { id, logprob: logprob(parent, id) };
    return alternatives === 0 ? token : { ...token, alternatives: alternativesOf(parent) };
  };
}
