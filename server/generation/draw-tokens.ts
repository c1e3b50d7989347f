import type { FinishReason } from "#shared/run.ts";
import type { Sampling } from "#shared/sampling.ts";
import type { GeneratedToken, Generation, LoadedModel } from "../inference/engine.ts";
import { createModelText } from "./model-text.ts";
import { createTextEnding } from "./text-ending.ts";
import type { TokenWriter } from "./token-writer.ts";

export interface DrawOptions {
  generation: Generation;
  model: LoadedModel;
  sampling: Sampling;
  /** The text that the run goes on from, at least its last sentence. */
  before: string;
  writer: TokenWriter;
  /** Whether the tokens are no longer wanted. */
  readonly isInterrupted: () => boolean;
  /** Called with each token before it is written. */
  readonly onToken: (token: GeneratedToken) => void;
  /** Called once the run has come to its end, before the last of it is written. */
  readonly onEnd: () => void;
}

/**
 * Takes tokens from the engine into the writer until they end, and resolves with why once all are
 * written. Leaves at once, without one, when interrupted; throws what the engine or the writer throws.
 */
export async function drawTokens(options: DrawOptions): Promise<FinishReason | undefined> {
  const { generation, model, sampling, writer, isInterrupted, onToken, onEnd } = options;
  const text = createModelText(model.tokenizer, sampling.stop);
  const ending = createTextEnding(sampling, options.before);
  const finish = async (reason: FinishReason) => {
    onEnd();
    await writer.finish();
    return reason;
  };
  let finishReason: FinishReason = "max_tokens";
  for await (const token of generation) {
    if (isInterrupted()) return undefined;
    if (token.id === model.tokenizer.endOfTextId) {
      finishReason = "end_of_text";
      break;
    }
    onToken(token);
    const { ready, stopped } = text.push(token);
    const whole = ending.push(ready);
    writer.add(whole.ready);
    if (whole.ended) return finish(ending.reason);
    if (stopped) {
      writer.add(ending.end());
      return finish("stop_string");
    }
    await writer.room();
  }
  if (isInterrupted()) return undefined;
  const last = ending.push(text.end());
  writer.add(last.ready);
  if (last.ended) return finish(ending.reason);
  writer.add(ending.end());
  return finish(finishReason);
}
