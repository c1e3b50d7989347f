import { type ChildProcess, spawn as spawnProcess } from "node:child_process";
import { text } from "node:stream/consumers";
import { describe, expect, test, vi } from "vitest";
import { UnavailableError } from "../errors.ts";
import { createEngine } from "./create-engine.ts";
import { startWorker } from "./engine-worker.ts";
import { NothingAllowedError } from "./nothing-allowed.ts";
import { request, take } from "./test-support/create-engine-contract.ts";
import { someTokens, talesCard, talesFolder } from "./test-support/tales.ts";

/** Lets an engine write for ever, and says so once it does. */
const endlessServer = `
  import { createEngine } from ${JSON.stringify(import.meta.resolve("./create-engine.ts"))};
  import { defaultSampling } from ${JSON.stringify(import.meta.resolve("#shared/sampling.ts"))};
  const engine = await createEngine({ modelFolder: ${JSON.stringify(talesFolder)} });
  const sampling = { ...defaultSampling, maxTokens: null, seed: 1 };
  const tokens = engine.open().generate({ prompt: [1], firstIndex: 0, sampling });
  for await (const { index } of tokens) if (index === 30) console.log("writing");
`;

describe("the life of an engine", () => {
  test("close ends its generations with an UnavailableError, and can be called twice", async () => {
    const engine = await createEngine({ modelFolder: talesFolder });
    const lost = vi.fn<(error: Error) => void>();
    engine.onLost(lost);
    const generation = engine.open().generate(request(someTokens(5)));
    const iterator = generation[Symbol.asyncIterator]();
    await iterator.next();
    await Promise.all([engine.close(), engine.close()]);
    await expect(iterator.next()).rejects.toThrow(UnavailableError);
    expect(() => engine.open()).toThrow(UnavailableError);
    expect(lost).not.toHaveBeenCalled();
  });

  test("E8: when the worker dies its generations throw, and it is told once that the engine is lost", async () => {
    let worker: ChildProcess | undefined;
    const spawn: typeof startWorker = (settings) => (worker = startWorker(settings));
    const engine = await createEngine({ modelFolder: talesFolder, spawn });
    const lost = vi.fn<(error: Error) => void>();
    engine.onLost(lost);
    const sequence = engine.open();
    const generation = sequence.generate(request(someTokens(5)));
    const iterator = generation[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = engine.open().generate(request(someTokens(500)));
    worker?.kill("SIGKILL");
    await expect(take({ ...generation, [Symbol.asyncIterator]: () => iterator })).rejects.toThrow(
      UnavailableError,
    );
    await expect(waiting.prefill).rejects.toThrow(UnavailableError);
    expect(lost).toHaveBeenCalledTimes(1);
    expect(() => engine.open()).toThrow(UnavailableError);
    await expect(take(sequence.generate(request([1])))).rejects.toThrow(UnavailableError);
    await engine.close();
  });

  test("E8: a worker whose server is gone ends, in the middle of a prompt too", async () => {
    let worker: ChildProcess | undefined;
    const spawn: typeof startWorker = (settings) => (worker = startWorker(settings));
    const engine = await createEngine({ modelFolder: talesFolder, spawn });
    const lost = new Promise((resolve) => engine.onLost(resolve));
    const generation = engine.open().generate(request(someTokens(500)));
    generation.prefill.catch(() => undefined);
    // What the system does to the channel of a server that was killed.
    worker?.disconnect();
    expect(await lost).toBeInstanceOf(UnavailableError);
    expect(worker?.exitCode).toBe(0);
    await engine.close();
  });

  test("E8: a worker whose server was killed ends without a word", async () => {
    const server = spawnProcess(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "-e", endlessServer],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    // The worker writes there too, so it stays open until that has ended.
    const complaints = text(server.stderr);
    await new Promise((resolve) => server.stdout.once("data", resolve));
    server.kill("SIGKILL");
    expect(await complaints).toBe("");
  });

  test("E35: where everything is banned a generation ends with an error that says so", async () => {
    const engine = await createEngine({ modelFolder: talesFolder });
    const bannedSequences = Array.from({ length: talesCard.vocabularySize }, (_, id) => [id]);
    for (const sampling of [{}, { strategy: "greedy" }, { strategy: "beams", beams: 2 }] as const) {
      const barred = { ...request(someTokens(5), { ...sampling, maxTokens: 4 }), bannedSequences };
      await expect(take(engine.open().generate(barred))).rejects.toThrow(NothingAllowedError);
    }
    expect(await take(engine.open().generate(request(someTokens(5))), 1)).toHaveLength(1);
    await engine.close();
  });

  test("a folder without a model is refused by name", async () => {
    await expect(createEngine({ modelFolder: "/nowhere" })).rejects.toThrow("/nowhere");
  });
});
