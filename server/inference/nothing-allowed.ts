import { UnavailableError } from "../errors.ts";

/** The engine is well, and every token that could come next is banned; the message is for people. */
export class NothingAllowedError extends UnavailableError {
  constructor() {
    super("Every token that could come next is banned.");
  }
}
