import { shortRow } from "./batch-plan.ts";
import type { GeneratedToken, PrefillReport } from "./engine.ts";
import type { WorkerRequest } from "./protocol.ts";
import { draw } from "./sampler.ts";
import { fewestTokens, pieceLength, type SequenceMemory } from "./sequence-memory.ts";
import type { Seat, Share, StepRoom, Task, TaskNews } from "./task.ts";
import { countedTokens, TokenHistory } from "./token-history.ts";
import { keptHalf, WindowSlide } from "./window-slide.ts";

/** What a task is told about the model and about itself. */
export interface TaskOptions {
  id: number;
  sequence: number;
  credit: number;
  request: WorkerRequest;
  contextTokens: number;
  endOfTextId: number;
  /** Room for one position's logits, shared by all tasks. */
  scratch: Float32Array;
}

/** Draws one token after another from its window of tokens, past the window's end too. */
export class GenerationTask implements Task {
  credit: number;
  readonly id: number;
  readonly sequence: number;
  readonly places = 1;
  readonly #options: TaskOptions;
  readonly #request: WorkerRequest;
  #window: number[];
  /** What the run wrote: penalties count it beyond the window too. */
  #written: number[];
  #history: TokenHistory;
  #slide: WindowSlide;
  #nextIndex: number;
  #droppedTokens = 0;
  #seat: Seat | undefined;
  #prefill: { report: PrefillReport; isTold: boolean } | undefined;
  #endOfText = false;

  constructor(options: TaskOptions) {
    this.#options = options;
    this.#request = options.request;
    this.id = options.id;
    this.sequence = options.sequence;
    this.credit = options.credit;
    this.#window = [...options.request.prompt];
    this.#written = [...options.request.written];
    this.#history = this.#rememberWindow();
    this.#slide = new WindowSlide(this.#window, options.contextTokens);
    this.#nextIndex = options.request.firstIndex;
  }

  get finished(): boolean {
    return this.#endOfText || this.#drawsLeft <= 0;
  }

  get ready(): boolean {
    return this.seated && this.credit > 0;
  }

  get seated(): boolean {
    return this.#seat !== undefined;
  }

  get prompt(): readonly number[] {
    return this.#window;
  }

  /** What it drew itself is computed alone as in the midst of a run, so that a pause changes nothing. */
  get mostKept(): number {
    return Math.max(0, this.#window.length - (this.#nextIndex > 0 ? 1 : fewestTokens));
  }

  get mostTokens(): number {
    return Math.min(this.#options.contextTokens, this.#window.length + this.#drawsLeft);
  }

  get pendingTokens(): number {
    return this.#seat === undefined ? 0 : this.#window.length - this.#seat.memory.computed.length;
  }

  /** Only where it goes on beyond the window, and once its prompt is computed. */
  get slide(): WindowSlide | undefined {
    const goesOn = this.#drawsLeft > this.#slide.drawsLeft;
    return this.ready && goesOn && this.pendingTokens <= shortRow ? this.#slide : undefined;
  }

  sit(seat: Seat): void {
    this.#seat = seat;
    const keptTokens = seat.memory.computed.length;
    this.#prefill ??= {
      report: { promptTokens: this.#window.length, keptTokens },
      isTold: false,
    };
  }

  rise(): void {
    this.#seat = undefined;
    this.#slide.memory = undefined;
  }

  nextShares({ rows, promptTokens }: StepRoom): Share[] {
    if (this.#seat === undefined || rows === 0) return [];
    const { memory } = this.#seat;
    const pending = this.pendingTokens;
    const length = pending <= shortRow ? pending : pieceLength(pending, promptTokens);
    if (length === 0) return [];
    const start = memory.computed.length;
    const tokens = this.#window.slice(start, start + length);
    return [{ task: this, memory, tokens, outputs: length === pending ? 1 : 0 }];
  }

  settle(share: Share, logits: readonly Float32Array[]): TaskNews {
    const last = logits.at(-1);
    const seat = this.#seat;
    if (seat === undefined || share.memory !== seat.memory || last === undefined)
      return { tokens: [] };
    const token = this.#draw(last, seat);
    const prefill = this.#prefill?.isTold ? undefined : this.#prefill?.report;
    if (this.#prefill !== undefined) this.#prefill.isTold = true;
    return { prefill, tokens: [token] };
  }

  get #drawsLeft(): number {
    const { maxTokens } = this.#request.sampling;
    return maxTokens === null ? Infinity : maxTokens - this.#nextIndex;
  }

  #draw(logits: Float32Array, seat: Seat): GeneratedToken {
    const { sampling, bannedSequences, alternatives } = this.#request;
    const { endOfTextId, contextTokens, scratch } = this.#options;
    const history = this.#history;
    const index = this.#nextIndex++;
    const drawn = draw({
      logits,
      history,
      sampling,
      index,
      endOfTextId,
      bannedSequences,
      alternatives,
      into: scratch,
    });
    const window = { contextTokens: this.#window.length, droppedTokens: this.#droppedTokens };
    this.credit--;
    this.#endOfText = drawn.id === endOfTextId;
    this.#window.push(drawn.id);
    this.#written.push(drawn.id);
    history.add(drawn.id);
    if (this.#window.length > contextTokens && !this.finished) this.#dropOldestHalf(seat);
    return { index, ...drawn, ...window };
  }

  /** Goes on in the memory of the kept half, as far as that is computed. */
  #dropOldestHalf(seat: Seat): void {
    const { contextTokens } = this.#options;
    const rebuilt = this.#slide.memory;
    this.#droppedTokens += this.#window.length - keptHalf(contextTokens);
    this.#window = this.#window.slice(-keptHalf(contextTokens));
    this.#history = this.#rememberWindow();
    this.#slide = new WindowSlide(this.#window, contextTokens);
    if (rebuilt === undefined) seat.memory.computed.length = 0;
    else this.#changeMemory(seat, rebuilt);
  }

  #changeMemory(seat: Seat, memory: SequenceMemory): void {
    memory.computed.length = Math.min(memory.computed.length, this.#window.length - fewestTokens);
    this.#seat = { ...seat, memory };
    seat.discardMemory(seat.memory);
  }

  #rememberWindow(): TokenHistory {
    const { sampling, history } = this.#request;
    this.#written = this.#written.slice(-countedTokens);
    return new TokenHistory(
      sampling.noRepeatNgramSize,
      [...history, ...this.#window],
      this.#written,
    );
  }
}
