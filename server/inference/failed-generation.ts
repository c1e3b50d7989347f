import type { Generation } from "./engine.ts";
import { TokenStream } from "./token-stream.ts";

/** A generation that could not begin: its loop and its prefill throw `error`. */
export function failedGeneration(error: unknown): Generation {
  const stream = new TokenStream({ taken() {}, left() {} });
  stream.stop(error);
  return stream;
}
