import type { Refusal } from "#shared/socket-events.ts";

/** A command that was refused or got no answer; `message` is a sentence for the person. */
export class LiveError extends Error {
  readonly code: Refusal["code"] | "no_answer";

  constructor(code: LiveError["code"], message: string) {
    super(message);
    this.name = "LiveError";
    this.code = code;
  }
}
