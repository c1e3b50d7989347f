import type { Contestant, ContestantSettings, Writing, Written } from "../engine/contestant.ts";

/** What is used of node-llama-cpp; its own types are there only where it is installed. */
interface LlamaModule {
  getLlama(options: {
    gpu: false;
    build: "never";
    maxThreads: number;
    logLevel: "error";
  }): Promise<{
    loadModel(options: { modelPath: string }): Promise<Model>;
    dispose(): Promise<void>;
  }>;
}
interface Model {
  createContext(options: {
    contextSize: number;
    sequences: number;
    threads: number;
  }): Promise<{ getSequence(): Sequence; dispose(): Promise<void> }>;
}
interface Sequence {
  readonly nextTokenIndex: number;
  adaptStateToTokens(tokens: readonly number[], allowShift: boolean): Promise<void>;
  evaluate(
    tokens: readonly number[],
    options: { temperature: number; yieldEogToken: boolean },
  ): AsyncIterable<number>;
  clearHistory(): Promise<void>;
}

const contextSize = 1024;
const packageName: string = "node-llama-cpp";

/**
 * llama.cpp by node-llama-cpp, through its sequences: they keep a prompt's computed beginning and are
 * batched by its context. A single document has a context of its own, which is what is fastest.
 */
export async function createLlamaCpp(settings: ContestantSettings): Promise<Contestant> {
  const { threads, places } = settings;
  // Not a literal, and its shape stated above: without the package the rest must compile and run.
  const peer = (await import(packageName)) as LlamaModule;
  const llama = await peer.getLlama({
    gpu: false,
    build: "never",
    maxThreads: threads,
    logLevel: "error",
  });
  const model = await llama.loadModel({ modelPath: settings.model });
  const alone = await model.createContext({ contextSize, sequences: 1, threads });
  const single = alone.getSequence();
  let together: Promise<Sequence[]> | undefined;
  const open = async () => {
    const context = await model.createContext({ contextSize, sequences: places, threads });
    return Array.from({ length: places }, () => context.getSequence());
  };
  return {
    async write(writing, count) {
      if (writing.document < 0) return write(single, writing, count);
      together ??= open();
      const sequence = (await together)[writing.document];
      if (sequence === undefined) throw new Error(`There are only ${places} places.`);
      return write(sequence, writing, count);
    },
    async forget() {
      for (const sequence of [single, ...((await together) ?? [])]) await sequence.clearHistory();
    },
    close: () => llama.dispose(),
  };
}

async function write(sequence: Sequence, { prompt }: Writing, count: number): Promise<Written> {
  const written: Written = { times: [], ids: [] };
  const start = performance.now();
  // The last token is computed again: its logits are what the next one is drawn from.
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  const fresh = prompt.slice(sequence.nextTokenIndex);
  for await (const id of sequence.evaluate(fresh, { temperature: 0, yieldEogToken: true })) {
    written.times.push(performance.now() - start);
    written.ids.push(id);
    if (written.ids.length === count) break;
  }
  return written;
}
