import { basename, dirname } from "node:path";
import type { Contestant, ContestantSettings, Writing, Written } from "../engine/contestant.ts";

/** What is used of transformers.js; its own types are there only where it is installed. */
interface TransformersModule {
  env: { allowRemoteModels: boolean; localModelPath: string };
  Tensor: new (type: "int64", values: BigInt64Array, sizes: readonly number[]) => object;
  AutoModelForCausalLM: {
    from_pretrained(
      name: string,
      options: {
        dtype: "fp32" | "q8";
        session_options: { intraOpNumThreads: number; interOpNumThreads: number };
      },
    ): Promise<Model>;
  };
}
interface Model {
  generate(options: {
    input_ids: object;
    attention_mask: object;
    max_new_tokens: number;
    do_sample: false;
    eos_token_id: null;
    streamer: { put(tokens: readonly (readonly bigint[])[]): void; end(): void };
  }): Promise<unknown>;
  dispose(): Promise<unknown>;
}

const packageName: string = "@huggingface/transformers";

/** transformers.js through `generate` with a streamer. It keeps nothing from one call to the next. */
export async function createTransformersJs(settings: ContestantSettings): Promise<Contestant> {
  // Not a literal, and its shape stated above: without the package the rest must compile and run.
  const transformers = (await import(packageName)) as TransformersModule;
  transformers.env.allowRemoteModels = false;
  transformers.env.localModelPath = dirname(settings.model);
  const model = await transformers.AutoModelForCausalLM.from_pretrained(basename(settings.model), {
    dtype: settings.name.endsWith("q8") ? "q8" : "fp32",
    session_options: { intraOpNumThreads: settings.threads, interOpNumThreads: 1 },
  });
  return {
    write: (writing, count) => write(transformers, model, writing, count),
    forget: async () => {},
    async close() {
      await model.dispose();
    },
  };
}

async function write(
  { Tensor }: TransformersModule,
  model: Model,
  { prompt }: Writing,
  count: number,
): Promise<Written> {
  const written: Written = { times: [], ids: [] };
  const sizes = [1, prompt.length];
  const start = performance.now();
  let isPrompt = true;
  await model.generate({
    input_ids: new Tensor("int64", BigInt64Array.from(prompt, BigInt), sizes),
    attention_mask: new Tensor("int64", new BigInt64Array(prompt.length).fill(1n), sizes),
    max_new_tokens: count,
    do_sample: false,
    eos_token_id: null,
    streamer: {
      put(tokens) {
        // The first call hands the prompt back.
        if (!isPrompt) {
          written.times.push(performance.now() - start);
          written.ids.push(Number(tokens[0]?.[0]));
        }
        isPrompt = false;
      },
      end() {},
    },
  });
  return written;
}
