import { UnavailableError } from "../errors.ts";

/** The engine is well and has no room for what was asked; the message is a sentence for people. */
export class EngineFullError extends UnavailableError {}
