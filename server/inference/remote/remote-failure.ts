import { UnavailableError } from "../../errors.ts";

/**
 * What may go wrong with an engine on another machine: it cannot be reached, answers with nothing for
 * too long, is too busy, breaks off or speaks another language; refuses us; or refuses one request.
 */
export type RemoteTrouble = "unreachable" | "silent" | "busy" | "broken" | "denied" | "refused";

/** An engine on another machine did not do what it was asked. */
export class RemoteFailure extends UnavailableError {
  readonly trouble: RemoteTrouble;
  /** How long it asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(
    trouble: RemoteTrouble,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options.cause);
    this.trouble = trouble;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Whether another attempt may go better. */
  get isPassing(): boolean {
    return this.trouble !== "denied" && this.trouble !== "refused";
  }

  /** Whether the engine is to be left alone, and not only this request. */
  get isOfTheEngine(): boolean {
    return this.trouble !== "refused";
  }
}
