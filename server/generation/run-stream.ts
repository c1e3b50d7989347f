import type { FinishReason } from "#shared/run.ts";
import type { RunStats } from "#shared/socket-events.ts";
import type { EngineSequence, Generation, LoadedModel } from "../inference/engine.ts";
import type { TokenUsage } from "../quotas/spending.ts";
import { affordableTokens, isUsedUp } from "./affordable-tokens.ts";
import { encodePosition } from "./caret.ts";
import { drawTokens } from "./draw-tokens.ts";
import { EngineRequests } from "./engine-requests.ts";
import { waitForEngine } from "./engine-wait.ts";
import { Interruptions, type PassEnd, type StreamEnd } from "./interruptions.ts";
import { LoopGuard } from "./loop-guard.ts";
import type { ModelToken } from "./model-text.ts";
import { endOfPrompt, type Prompt } from "./prompt.ts";
import type { RunDependencies } from "./run-dependencies.ts";
import type { RunDocument, RunDocumentEvents } from "./run-document.ts";
import type { RunRecord } from "./run-record.ts";
import { createRunStatistics } from "./run-statistics.ts";
import type { RunText, WindowState } from "./run-text.ts";
import { mostTokens } from "./text-ending.ts";
import { createTokenWriter } from "./token-writer.ts";
import { createYielding } from "./yielding.ts";

/** One reading of the prompt and what is written from it. */
interface Pass extends Pick<RunDocument, "text" | "model"> {
  readonly prompt: Prompt;
  window: WindowState;
  /** Whether the run has come to its end by itself: nothing more is drawn. */
  ended: boolean;
  /** Whether all that was to be written is. */
  whole: boolean;
}

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
  readonly #loop = new LoopGuard();
  readonly #interruptions = new Interruptions();
  /** As of the last flush. */
  #usage: TokenUsage | undefined;
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
      mayWrite: () => this.#interruptions.current === undefined && !this.#yielding.active,
      onEdited: (position, untouched) => {
        this.#editedAt ??= position;
        this.#loop.edited(untouched);
        this.readAgain();
      },
      onTyped: (caret) => {
        this.#editedAt ??= encodePosition(caret);
        this.#loop.reset();
        this.#yielding.typed();
      },
      onComposing: (composes) => this.#yielding.composing(composes),
      onDiscarded: (error) => this.#interruptions.add({ kind: "room_lost", error }),
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
    this.#interruptions.reset();
    this.#loop.reset();
    this.#usage = undefined;
    this.#editedAt = undefined;
    this.#yielding.close();
  }

  /** The next token comes from a prompt that is read anew. */
  readAgain(): void {
    this.#interruptions.add({ kind: "read_again" });
  }

  /** Ends `run` as soon as what is being written is committed. */
  halt(): void {
    this.#interruptions.add({ kind: "asked" });
    this.#yielding.close();
  }

  get isHalted(): boolean {
    return this.#interruptions.current?.kind === "asked";
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
    const hindrance = this.#hindrance() ?? (await this.#awaitEngine(model)) ?? this.#hindrance();
    if (hindrance) return hindrance;
    if (this.#yielding.active) return { kind: "read_again" };
    this.#interruptions.beginReading();
    const prompt = text.read();
    this.#record.caret = text.caret;
    const isReread = this.#tellReread();
    try {
      this.#sequence ??= model.engine.open();
      const request = this.#requests.next(prompt.ids, this.#record, model.tokenizer);
      const generation = this.#sequence.generate(request, this.#interruptions.untilReadAgain);
      this.#watchPrefill(generation, isReread);
      const window = { contextTokens: 0, droppedTokens: 0 };
      return await this.#write(generation, {
        text,
        model,
        prompt,
        window,
        ended: false,
        whole: true,
      });
    } catch (error) {
      return this.#interruptions.current ?? { kind: "engine_lost", error };
    }
  }

  /** Why nothing is to be written now. */
  #hindrance(): StreamEnd | undefined {
    const { standstill } = this.#interruptions;
    if (standstill) return standstill;
    return this.#isDone() ? { kind: "finished", finishReason: "max_tokens" } : undefined;
  }

  /**
   * What was lost while the run asked nothing of it is waited for: neither did the run bring that
   * about, nor is any of it lost. What is lost under it pauses it.
   */
  async #awaitEngine(model: LoadedModel): Promise<StreamEnd | undefined> {
    try {
      const { untilStandstill } = this.#interruptions;
      await waitForEngine(this.#deps, this.#record, model, untilStandstill);
      return undefined;
    } catch (error) {
      return { kind: "engine_lost", error };
    }
  }

  async #write(generation: Generation, pass: Pass): Promise<PassEnd> {
    const writer = createTokenWriter({
      clock: this.#deps.clock,
      write: async (tokens) => {
        if (!(await this.#flush(pass, tokens))) pass.whole = false;
      },
    });
    try {
      const finishReason = await drawTokens({
        generation,
        model: pass.model,
        sampling: this.#record.sampling,
        before: endOfPrompt(pass.prompt),
        writer,
        isInterrupted: () => this.#interruptions.current !== undefined,
        onToken: (token) => {
          pass.window = token;
          this.#onAdmitted();
        },
        onEnd: () => {
          pass.ended = true;
        },
      });
      return this.#endOf(pass, finishReason);
    } finally {
      await writer.drop();
    }
  }

  /** Who has written his last word has ended, also where the day's tokens are used up with it. */
  #endOf({ whole }: Pass, finishReason: FinishReason | undefined): PassEnd {
    const { current: interruption } = this.#interruptions;
    const isUp = interruption === undefined || (interruption.kind === "quota" && whole);
    if (finishReason !== undefined && isUp) return { kind: "finished", finishReason };
    return interruption ?? { kind: "read_again" };
  }

  /**
   * Commits one flush and tells it; a flush that the text outran is dropped. Resolves with whether
   * all of it is written.
   */
  async #flush(pass: Pass, tokens: readonly ModelToken[]): Promise<boolean> {
    if (this.#interruptions.current) return false;
    const affordable = affordableTokens(tokens, this.#usage);
    try {
      const flush = await pass.text.write(affordable, pass.window);
      if (flush === undefined) {
        this.readAgain();
        return false;
      }
      Object.assign(this.#record, flush.run);
      this.#statistics.wrote(affordable.length);
      const { documentId, id: runId } = this.#record;
      const event = { documentId, runId, tokens: [...affordable] };
      this.#deps.publish.toDocument(documentId, "run:tokens", event);
      this.#requests.wrote(affordable);
      const isWhole = affordable.length === tokens.length;
      this.#heed(flush.usage, !isWhole);
      const loops = this.#loop.wrote(affordable);
      if (loops && !pass.ended && !this.#isDone()) this.#interruptions.add({ kind: "loop" });
      return isWhole;
    } catch (error) {
      this.#interruptions.add({ kind: "room_lost", error });
      return false;
    }
  }

  /** Stands still where the day's tokens are used up; a new day may have begun under the flush. */
  #heed(usage: TokenUsage, wasCut: boolean): void {
    this.#usage = usage;
    if (isUsedUp(usage) && !this.#isDone()) this.#interruptions.add({ kind: "quota" });
    else if (wasCut) this.readAgain();
  }

  /** Whether as much is written as the run may write. */
  #isDone(): boolean {
    const most = mostTokens(this.#record.sampling);
    return most !== null && this.#record.tokens >= most;
  }

  #watchPrefill(generation: Generation, isReread: boolean): void {
    const { untilReadAgain: signal } = this.#interruptions;
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
