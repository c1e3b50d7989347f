import { DelegateBackoff, handleWhen, type IRetryBackoffContext, retry } from "cockatiel";
import type { RemoteEngineSettings } from "../../config/engines-file.ts";
import type { Clock } from "../../jobs/clock.ts";
import { type CompletionDelta, readCompletion } from "./completion-events.ts";
import { Patience } from "./patience.ts";
import { openRemoteLine, type RemoteLine } from "./remote-answer.ts";
import { RemoteFailure } from "./remote-failure.ts";
import type { Completion } from "./remote-generation.ts";

/** A run waits no longer for a busy server: it pauses, and can go on elsewhere. */
const longestRetryMs = 5_000;
const mostRetries = 2;

/** Asks one server for completions, and waits for each no longer than its settings say. */
export class CompletionLine {
  readonly #settings: RemoteEngineSettings;
  readonly #clock: Clock;
  readonly #line: RemoteLine;
  readonly #retry = retry(handleWhen(isPassing), {
    maxAttempts: mostRetries,
    backoff: new DelegateBackoff(retryDelay),
  });

  constructor({ settings, clock }: { settings: RemoteEngineSettings; clock: Clock }) {
    this.#settings = settings;
    this.#clock = clock;
    this.#line = openRemoteLine(settings);
  }

  /** As `attempt`; what fails before the first delta and may pass is tried again. */
  ask(body: object, signal: AbortSignal): Promise<Completion> {
    return this.#retry.execute(() => this.attempt(body, signal), signal);
  }

  /**
   * Resolves with the completion once its first delta is there; throws a RemoteFailure, as the
   * completion does later, or the signal's reason.
   */
  async attempt(
    body: object,
    signal: AbortSignal,
    firstTokenTimeoutMs = this.#settings.firstTokenTimeoutMs,
  ): Promise<Completion> {
    const patience = new Patience(signal, this.#clock);
    try {
      patience.start(firstTokenTimeoutMs);
      const answer = await this.#line.ask({
        path: "/v1/completions",
        body,
        signal: patience.signal,
      });
      const deltas = readCompletion(answer);
      const first = await deltas.next();
      patience.stop();
      return goOn(first, deltas, patience, this.#settings.tokenTimeoutMs);
    } catch (error) {
      throw patience.explain(error);
    }
  }

  close(): void {
    this.#line.close();
  }
}

async function* goOn(
  first: IteratorResult<CompletionDelta, void>,
  deltas: AsyncGenerator<CompletionDelta, void, undefined>,
  patience: Patience,
  tokenTimeoutMs: number,
): AsyncGenerator<CompletionDelta, void, undefined> {
  try {
    for (let step = first; step.done !== true; ) {
      yield step.value;
      // Time that the consumer takes is not the server's.
      patience.start(tokenTimeoutMs);
      step = await deltas.next();
      patience.stop();
    }
  } catch (error) {
    throw patience.explain(error);
  } finally {
    patience.abandon();
  }
}

function isPassing(error: Error): boolean {
  if (!(error instanceof RemoteFailure) || !error.isPassing) return false;
  return (error.retryAfterMs ?? 0) <= longestRetryMs;
}

/** As long as the server asks for, else a moment that grows. */
function retryDelay({ attempt, result }: IRetryBackoffContext<unknown>): number {
  const error = "error" in result ? result.error : undefined;
  const wished = error instanceof RemoteFailure ? error.retryAfterMs : undefined;
  return wished ?? 200 * 2 ** attempt;
}
