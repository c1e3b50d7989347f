import { AppError } from "../errors.ts";

/** 400: a model folder cannot be imported; the message says what was wrong, where, and what to do. */
export class ModelRefusedError extends AppError {
  constructor(where: string, what: string, advice: string, cause?: unknown) {
    super("model_refused", 400, `${where}: ${what} ${advice}`, {
      details: { where },
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

export const downloadAgain = "Download the file again from where the model was published.";
