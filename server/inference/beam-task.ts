import { shortRow } from "./batch-plan.ts";
import { type BeamSearch, createBeamSearch } from "./beam-search.ts";
import type { PrefillReport } from "./engine.ts";
import type { TaskOptions } from "./generation-task.ts";
import { NothingAllowedError } from "./nothing-allowed.ts";
import { scoreBeam } from "./sampler.ts";
import { commonPrefix, fewestTokens, pieceLength, type SequenceMemory } from "./sequence-memory.ts";
import type { Seat, Share, StepRoom, Task, TaskNews } from "./task.ts";
import { TokenHistory } from "./token-history.ts";
import { keptHalf } from "./window-slide.ts";

/** One of the texts that are followed, with its own keys and values. */
interface Lane {
  memory: SequenceMemory;
  history: TokenHistory;
  /** What its text is, prompt included. */
  tokens: readonly number[];
  /** Whose memory has what this one lacks of `tokens`, but for the last. */
  source: SequenceMemory;
  scores: Float32Array | undefined;
}

/** Of long copies a step makes one, so that those who stream do not wait for several. */
const longCopy = 64;

/** Follows the likeliest texts side by side and yields the best one's tokens when it is found. */
export class BeamTask implements Task {
  credit: number;
  readonly id: number;
  readonly sequence: number;
  readonly places: number;
  readonly mostTokens: number;
  readonly prompt: readonly number[];
  readonly slide = undefined;
  readonly #options: TaskOptions;
  readonly #search: BeamSearch;
  readonly #droppedTokens: number;
  #seat: Seat | undefined;
  #lanes: readonly Lane[] = [];
  #spare: SequenceMemory[] = [];
  #prefill: PrefillReport | undefined;
  #isOver: boolean;

  constructor(options: TaskOptions) {
    const { request, contextTokens, endOfTextId } = options;
    const { sampling, prompt, firstIndex, alternatives } = request;
    const { beams, lengthPenalty, earlyStopping, maxTokens } = sampling;
    // A search cannot slide its window, and would rather be short than know nothing of its text.
    const known = Math.min(prompt.length, keptHalf(contextTokens));
    const most = Math.min((maxTokens ?? Infinity) - firstIndex, contextTokens - known + 1);
    this.#options = options;
    this.id = options.id;
    this.sequence = options.sequence;
    this.credit = options.credit;
    this.places = beams;
    // The last token is drawn, not computed.
    this.#droppedTokens = Math.max(0, prompt.length + most - 1 - contextTokens);
    this.prompt = prompt.slice(this.#droppedTokens);
    this.mostTokens = this.prompt.length + most - 1;
    this.#isOver = most <= 0;
    this.#search = createBeamSearch({
      beams,
      lengthPenalty,
      earlyStopping,
      maxTokens: most,
      endOfTextId,
      alternatives,
    });
  }

  get finished(): boolean {
    return this.#isOver;
  }

  get ready(): boolean {
    return this.seated;
  }

  get seated(): boolean {
    return this.#seat !== undefined;
  }

  get mostKept(): number {
    return Math.max(0, this.prompt.length - fewestTokens);
  }

  get pendingTokens(): number {
    const [lane] = this.#lanes;
    return lane === undefined ? 0 : lane.tokens.length - lane.memory.computed.length;
  }

  sit(seat: Seat): void {
    const { memory } = seat;
    const { sampling, history, written } = this.#options.request;
    const seen = [...history, ...this.prompt];
    const known = new TokenHistory(sampling.noRepeatNgramSize, seen, written);
    this.#seat = seat;
    this.#prefill = { promptTokens: this.prompt.length, keptTokens: memory.computed.length };
    this.#lanes = [
      { memory, history: known, tokens: this.prompt, source: memory, scores: undefined },
    ];
  }

  rise(): void {
    const others = this.#lanes.slice(1).map(({ memory }) => memory);
    for (const memory of [...others, ...this.#spare]) this.#seat?.discardMemory(memory);
    this.#lanes = [];
    this.#spare = [];
    this.#seat = undefined;
  }

  nextShares({ rows, promptTokens }: StepRoom): Share[] {
    const shares: Share[] = [];
    let hasCopied = false;
    for (const lane of this.#lanes) {
      if (shares.length === rows) break;
      if (lane.scores !== undefined) continue;
      const isLong = missing(lane) >= longCopy;
      if (isLong && hasCopied) continue;
      hasCopied ||= isLong;
      catchUp(lane);
      shares.push(...this.#nextShare(lane, promptTokens));
    }
    return shares;
  }

  settle(share: Share, logits: readonly Float32Array[]): TaskNews {
    const lane = this.#lanes.find(({ memory }) => memory === share.memory);
    const last = logits.at(-1);
    if (lane === undefined || last === undefined) return { tokens: [] };
    lane.scores = this.#score(lane, last);
    const prefill = this.#prefill;
    this.#prefill = undefined;
    if (this.#lanes.every(({ scores }) => scores !== undefined)) this.#advance();
    return { prefill, tokens: this.finished ? this.#bestTokens() : [] };
  }

  #nextShare({ memory, tokens }: Lane, promptTokens: number): Share[] {
    const start = memory.computed.length;
    const pending = tokens.length - start;
    const length = pending <= shortRow ? pending : pieceLength(pending, promptTokens);
    if (length === 0) return [];
    const piece = tokens.slice(start, start + length);
    return [{ task: this, memory, tokens: piece, outputs: length === pending ? 1 : 0 }];
  }

  #score({ history, tokens }: Lane, logits: Float32Array): Float32Array {
    const { request, endOfTextId } = this.#options;
    const { sampling, firstIndex, bannedSequences } = request;
    const index = firstIndex + tokens.length - this.prompt.length;
    return scoreBeam({ logits, history, sampling, index, endOfTextId, bannedSequences });
  }

  #advance(): void {
    const before = this.#lanes;
    this.#search.advance(before.map(({ scores }) => scores ?? new Float32Array()));
    this.#isOver = this.#search.done;
    if (this.#isOver && this.#search.best().length === 0) throw new NothingAllowedError();
    if (this.#isOver) return;
    const parents = this.#search.live.map(({ parent }) => parent);
    this.#spare.push(...before.filter((_, i) => !parents.includes(i)).map(({ memory }) => memory));
    this.#lanes = this.#search.live.map((beam, i) => {
      const parent = before[beam.parent];
      const id = beam.tokens.at(-1)?.id;
      if (parent === undefined || id === undefined) throw new Error("A beam came from nowhere.");
      const history = parent.history.copy();
      history.add(id);
      const isFirst = parents.indexOf(beam.parent) === i;
      const memory = isFirst ? parent.memory : this.#takeSpare(parent.memory);
      const tokens = [...parent.tokens, id];
      return { memory, history, tokens, source: parent.memory, scores: undefined };
    });
  }

  /** The spare memory that lacks least of another, or a new one. */
  #takeSpare(source: SequenceMemory): SequenceMemory {
    const shared = ({ computed }: SequenceMemory) => commonPrefix(computed, source.computed);
    const best = this.#spare.toSorted((a, b) => shared(b) - shared(a))[0];
    this.#spare = this.#spare.filter((memory) => memory !== best);
    const memory = best ?? this.#seat?.createMemory();
    if (memory === undefined) throw new Error("A search without a place goes on.");
    return memory;
  }

  #bestTokens() {
    const { firstIndex } = this.#options.request;
    return this.#search.best().map((token, i) => ({
      ...token,
      index: firstIndex + i,
      contextTokens: this.prompt.length + i,
      droppedTokens: this.#droppedTokens,
    }));
  }
}

/** How many positions a text's memory lacks of those that are computed elsewhere. */
function missing({ memory, source }: Lane): number {
  return source.computed.length - commonPrefix(memory.computed, source.computed);
}

/** Copies what a text lacks; its source may have gone on by the text's sibling meanwhile. */
function catchUp({ memory, source, tokens }: Lane): void {
  if (memory === source) return;
  const shared = commonPrefix(memory.computed, source.computed, tokens.length - 1);
  const end = Math.min(source.computed.length, tokens.length - 1);
  memory.cache.copyFrom(source.cache, shared, end);
  memory.computed.length = shared;
  memory.computed.push(...source.computed.slice(shared, end));
}
