import type { FinishReason } from "#shared/run.ts";
import type { RunStats } from "#shared/socket-events.ts";
import type { EngineSequence, Generation, LoadedModel } from "../inference/engine.ts";
import { createLoopWatch } from "../inference/loop-detection.ts";
import type { TokenUsage } from "../quotas/spending.ts";
import { affordableTokens, isUsedUp } from "./affordable-tokens.ts";
import { encodePosition } from "./caret.ts";
import { drawTokens } from "./draw-tokens.ts";
import { EngineRequests } from "./engine-requests.ts";
import type { ModelToken } from "./model-text.ts";
import type { Prompt } from "./prompt.ts";
import type { RunDependencies } from "./run-dependencies.ts";
import type { RunDocument, RunDocumentEvents } from "./run-document.ts";
import type { RunRecord } from "./run-record.ts";
import { createRunStatistics } from "./run-statistics.ts";
import type { RunText, WindowState } from "./run-text.ts";
import { mostTokens } from "./text-ending.ts";
import { createTokenWriter } from "./token-writer.ts";
import { createYielding } from "./yielding.ts";

/** Why a stream stands still. */
export type StreamEnd =
  | { kind: "finished"; finishReason: FinishReason }
  /** A command wants the run to stand still. */
  | { kind: "asked" }
  /** What its starter may have written today is written. */
  | { kind: "quota" }
  /** What it writes repeats itself. */
  | { kind: "loop" }
  | { kind: "engine_lost"; error: unknown }
  | { kind: "room_lost"; error: unknown };

/** The prompt has changed, people want to write first, or the sampling is another. */
type ReadAgain = { kind: "read_again" };
type PassEnd = StreamEnd | ReadAgain;
type Interruption = Extract<
  PassEnd,
  { kind: "read_again" | "asked" | "loop" | "quota" | "room_lost" }
>;

/** Runs of characters at a prompt's end that surely hold its last sentence, or enough of it. */
const lastRuns = 50;

/** What another interruption may not replace. */
const precedence = { read_again: 0, loop: 1, quota: 2, room_lost: 3, asked: 4 } as const;

/**
 * Reads the prompt, has tokens drawn and writes them, again and again whenever the text under it
 * changes, until the run ends or something stands in its way.
 */
export class RunStream {
  /** What the run's document has to tell. */
  readonly events: RunDocumentEvents;
  readonly #deps: RunDependencies;
  readonly #record: RunRecord;
  readonly #onAdmitted: () => void;
  readonly #yielding;
  readonly #statistics;
  #text: RunText | undefined;
  #sequence: EngineSequence | undefined;
  readonly #requests = new EngineRequests();
  readonly #loop = createLoopWatch();
  #interruption: Interruption | undefined;
  /** As of the last flush. */
  #usage: TokenUsage | undefined;
  #abort = new AbortController();
  /** Where people changed the text (base64) since the prompt was read. */
  #editedAt: string | undefined;
  #rereads = 0;
  #keptTokens = 0;

  /** `onAdmitted` is called whenever the engine has computed a prompt or drawn a token. */
  constructor(deps: RunDependencies, record: RunRecord, onAdmitted: () => void) {
    this.#deps = deps;
    this.#record = record;
    this.#onAdmitted = onAdmitted;
    this.#yielding = createYielding(deps.clock, () => this.readAgain());
    this.#statistics = createRunStatistics(
      deps.clock,
      () => this.#stats(),
      (stats) => deps.publish.toDocument(record.documentId, "run:stats", stats),
    );
    this.events = {
      mayWrite: () => this.#interruption === undefined && !this.#yielding.active,
      onEdited: (position) => {
        this.#editedAt ??= position;
        this.readAgain();
      },
      onTyped: (caret) => {
        this.#editedAt ??= encodePosition(caret);
        this.#yielding.typed();
      },
      onComposing: (composes) => this.#yielding.composing(composes),
      onDiscarded: (error) => this.#interrupt({ kind: "room_lost", error }),
    };
  }

  /** Writes into the document until something ends that; clears what ended it the last time. */
  async run(document: RunDocument): Promise<StreamEnd> {
    if (this.#text !== document.text) this.#requests.recall(document.written);
    this.#text = document.text;
    this.#statistics.begin();
    try {
      for (;;) {
        const end = await this.#pass(document);
        if (end.kind !== "read_again") return end;
      }
    } finally {
      this.#statistics.end();
    }
  }

  /** Before a run goes on: what happened while it stood still is over. */
  reset(): void {
    this.#interruption = undefined;
    this.#loop.reset();
    this.#usage = undefined;
    this.#editedAt = undefined;
    this.#yielding.close();
  }

  /** The next token comes from a prompt that is read anew. */
  readAgain(): void {
    this.#interrupt({ kind: "read_again" });
  }

  /** Ends `run` as soon as what is being written is committed. */
  halt(): void {
    this.#interrupt({ kind: "asked" });
    this.#yielding.close();
  }

  get isHalted(): boolean {
    return this.#interruption?.kind === "asked";
  }

  /** Lets the engine's keys and values go. */
  async letGo(): Promise<void> {
    const sequence = this.#sequence;
    this.#sequence = undefined;
    await sequence?.close();
  }

  /** Reads the prompt once and writes until something ends that. */
  async #pass({ text, model }: RunDocument): Promise<PassEnd> {
    await this.#yielding.over();
    if (this.#interruption && this.#interruption.kind !== "read_again") return this.#interruption;
    if (this.#isDone()) {
      return { kind: "finished", finishReason: "max_tokens" };
    }
    this.#interruption = undefined;
    this.#abort = new AbortController();
    const prompt = text.read();
    this.#record.caret = text.caret;
    const isReread = this.#tellReread();
    try {
      this.#sequence ??= model.engine.open();
      const request = this.#requests.next(prompt.ids, this.#record, model.tokenizer);
      const generation = this.#sequence.generate(request, this.#abort.signal);
      this.#watchPrefill(generation, isReread);
      return await this.#write(generation, { text, model, prompt });
    } catch (error) {
      return this.#interruption ?? { kind: "engine_lost", error };
    }
  }

  async #write(
    generation: Generation,
    { text, model, prompt }: { text: RunText; model: LoadedModel; prompt: Prompt },
  ): Promise<PassEnd> {
    let window: WindowState = { contextTokens: 0, droppedTokens: 0 };
    const writer = createTokenWriter({
      clock: this.#deps.clock,
      write: (tokens) => this.#flush(text, tokens, window),
    });
    try {
      const finishReason = await drawTokens({
        generation,
        model,
        sampling: this.#record.sampling,
        before: lastText(prompt),
        writer,
        isInterrupted: () => this.#interruption !== undefined,
        onToken: (token) => {
          window = token;
          this.#onAdmitted();
        },
      });
      return this.#interruption ?? { kind: "finished", finishReason };
    } finally {
      await writer.drop();
    }
  }

  /** Commits one flush and tells it; a flush that the text outran is dropped. */
  async #flush(text: RunText, tokens: readonly ModelToken[], window: WindowState): Promise<void> {
    if (this.#interruption) return;
    const affordable = affordableTokens(tokens, this.#usage);
    try {
      const flush = await text.write(affordable, window);
      if (flush === undefined) return this.readAgain();
      Object.assign(this.#record, flush.run);
      this.#statistics.wrote(affordable.length);
      const { documentId, id: runId } = this.#record;
      const event = { documentId, runId, tokens: [...affordable] };
      this.#deps.publish.toDocument(documentId, "run:tokens", event);
      this.#requests.wrote(affordable);
      this.#heed(flush.usage, affordable.length < tokens.length);
      // Every token is taken in, also after one that shows a loop.
      const loops = affordable.map(({ id }) => this.#loop.add(id)).includes(true);
      if (loops && !this.#isDone()) this.#interrupt({ kind: "loop" });
    } catch (error) {
      this.#interrupt({ kind: "room_lost", error });
    }
  }

  /** Stands still where the day's tokens are used up; a new day may have begun under the flush. */
  #heed(usage: TokenUsage, wasCut: boolean): void {
    this.#usage = usage;
    if (isUsedUp(usage) && !this.#isDone()) this.#interrupt({ kind: "quota" });
    else if (wasCut) this.readAgain();
  }

  /** Whether as much is written as the run may write. */
  #isDone(): boolean {
    const most = mostTokens(this.#record.sampling);
    return most !== null && this.#record.tokens >= most;
  }

  #watchPrefill(generation: Generation, isReread: boolean): void {
    const { signal } = this.#abort;
    const watched = generation.prefill.then(({ promptTokens, keptTokens }) => {
      if (signal.aborted) return;
      this.#record.promptTokens = promptTokens;
      this.#record.contextTokens = promptTokens;
      if (isReread) this.#keptTokens += keptTokens;
      this.#onAdmitted();
    });
    // The loop over the tokens throws the same error.
    watched.catch(() => undefined);
  }

  /** Whether the prompt is read because people changed the text; tells where. */
  #tellReread(): boolean {
    const position = this.#editedAt;
    this.#editedAt = undefined;
    if (position === undefined) return false;
    this.#rereads++;
    const { documentId, id: runId } = this.#record;
    this.#deps.publish.toDocument(documentId, "run:reread", { documentId, runId, position });
    return true;
  }

  #interrupt(interruption: Interruption): void {
    const current = this.#interruption;
    if (current && precedence[current.kind] >= precedence[interruption.kind]) return;
    this.#interruption = interruption;
    this.#abort.abort();
  }

  #stats(): Omit<RunStats, "tokensPerSecond"> {
    const { documentId, id: runId, tokens, contextTokens } = this.#record;
    return {
      documentId,
      runId,
      tokens,
      contextTokens,
      queuePosition: this.#sequence?.queuePosition ?? 0,
      rereads: this.#rereads,
      keptTokens: this.#keptTokens,
      window: this.#text?.windowStart ?? null,
    };
  }
}

/** The end of the text that a prompt was made from. */
function lastText({ characters }: Prompt): string {
  return characters
    .slice(-lastRuns)
    .map(({ text }) => text)
    .join("");
}
