import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { SamplingInput } from "#shared/sampling.ts";
import type { GenerationRequest, LoadedModel } from "../../server/inference/engine.ts";
import { createModelLibrary, type ModelLibrary } from "../../server/model-library/model-library.ts";
import { openTestDatabase, silent, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk } from "../support/run-desk.ts";
import { commonPrefix } from "../support/scripted-engine.ts";

const waiting = { timeout: 20_000, interval: 5 } as const;
const modelsDir = new URL("../../models", import.meta.url).pathname;
const opening =
  "Once upon a time there lived an old king who had three sons. The eldest was proud, the second was clever, and the youngest was kind to every living thing in the forest.";

let test: TestDatabase;
let library: ModelLibrary;
let tales: LoadedModel;
let desk: RunDesk;
let requests: RecordedRequest[];

interface RecordedRequest extends GenerationRequest {
  keptTokens: number;
}

beforeAll(async () => {
  test = await openTestDatabase();
  library = createModelLibrary({ modelsDir, logger: silent });
  tales = await library.load("tales");
});
beforeEach(() => {
  requests = [];
});
afterEach(() => desk.close());
afterAll(async () => {
  await library.close();
  await test.remove();
});

/** The real model, with its requests written down. */
function recorded(): LoadedModel {
  const { engine, tokenizer } = tales;
  return {
    tokenizer,
    engine: {
      ...engine,
      open() {
        const sequence = engine.open();
        return {
          get queuePosition() {
            return sequence.queuePosition;
          },
          close: () => sequence.close(),
          generate(request, signal) {
            const generation = sequence.generate(request, signal);
            const record = { ...request, keptTokens: -1 };
            requests.push(record);
            generation.prefill.then(
              (report) => {
                record.keptTokens = report.keptTokens;
              },
              () => undefined,
            );
            return generation;
          },
        };
      },
    },
  };
}

async function open(body = opening) {
  desk = await openRunDesk({ database: test.database, body, model: recorded() });
}

async function start(sampling: SamplingInput) {
  return desk.generation.start(desk.owner, { documentId: desk.documentId, sampling });
}

async function written(tokens: number) {
  await vi.waitFor(
    () => expect(desk.published.tokens.length).toBeGreaterThanOrEqual(tokens),
    waiting,
  );
}

async function finished() {
  await vi.waitFor(() => expect(desk.published.states.at(-1)?.state).toBe("finished"), waiting);
  return desk.text();
}

/** What the model draws from the prompt with nothing computed before. */
async function drawAfresh(request: GenerationRequest, count: number): Promise<number[]> {
  const sequence = tales.engine.open();
  const ids: number[] = [];
  for await (const token of sequence.generate(request)) {
    ids.push(token.id);
    if (ids.length === count) break;
  }
  await sequence.close();
  return ids;
}

function textOf(ids: readonly number[]): string {
  return Buffer.concat(ids.map((id) => tales.tokenizer.bytes(id))).toString("utf8");
}

describe("a run of the tales model", () => {
  it("R10 E5: repeats exactly with the same seed and prompt, and differs with another seed", async () => {
    const texts: string[] = [];
    for (const seed of [5, 5, 6]) {
      await open();
      await start({ seed, maxTokens: 40 });
      texts.push(await finished());
      if (texts.length < 3) await desk.close();
    }
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).not.toBe(texts[2]);
    expect(texts[0]?.startsWith(opening)).toBe(true);
  });

  it("writes the same whether it was paused in between or not", async () => {
    await open();
    await start({ seed: 9, maxTokens: 200 });
    const straight = await finished();
    await desk.close();
    await open();
    await start({ seed: 9, maxTokens: 200 });
    await written(10);
    const paused = await desk.generation.pause(desk.owner, { documentId: desk.documentId });
    expect(paused.tokens).toBeLessThan(200);
    await desk.generation.resume(desk.owner, { documentId: desk.documentId });
    expect(await finished()).toBe(straight);
  });

  it("R4 R5: draws the next token from the edited prompt, as a fresh sequence would, and keeps the common prefix", async () => {
    await open();
    const tab = await desk.openTab(desk.editor);
    await start({ seed: 21, maxTokens: null });
    await written(30);
    const place = tab.body.toString().indexOf("clever");
    tab.doc.transact(() => {
      tab.body.delete(place, "clever".length);
      tab.body.insert(place, "cruel", {});
    });
    await vi.waitFor(() => expect(desk.published.rereads).toHaveLength(1), waiting);
    const [first, second] = requests;
    const drawnBefore = second?.firstIndex ?? 0;
    await written(drawnBefore + 12);
    await desk.generation.pause(desk.owner, { documentId: desk.documentId });
    const ids = desk.published.tokens.map((token) => token.id);

    const edited = opening.replace("clever", "cruel");
    const prompt = second?.prompt ?? [];
    expect(textOf(prompt)).toBe(edited + textOf(ids.slice(0, drawnBefore)));
    expect(prompt.slice(-drawnBefore)).toEqual(ids.slice(0, drawnBefore));
    const before = [...(first?.prompt ?? []), ...ids.slice(0, drawnBefore)];
    expect(second?.keptTokens).toBe(commonPrefix(before, prompt));
    expect(second?.keptTokens).toBeGreaterThan(10);
    if (second === undefined) throw new Error("there was no second request");
    expect(ids.slice(drawnBefore, drawnBefore + 12)).toEqual(await drawAfresh(second, 12));
    expect(await desk.text()).toBe(edited + textOf(ids));
  });

  it("R11 E9: goes on past the window, and an edit then is read in the window that the engine has", async () => {
    await open();
    const tab = await desk.openTab(desk.editor);
    await start({ seed: 33, maxTokens: null });
    await written(620);
    tab.body.insert(0, "Before the window. ", {});
    await written(desk.published.tokens.length + 10);
    expect(requests).toHaveLength(1);
    const index = tab.body.length - 30;
    tab.body.insert(index, " x ", {});
    await vi.waitFor(() => expect(requests).toHaveLength(2), waiting);
    await written((requests[1]?.firstIndex ?? 0) + 5);
    await desk.generation.stop(desk.owner, { documentId: desk.documentId });
    const second = requests[1];
    expect(second?.prompt.length).toBeLessThan(512);
    expect(second?.keptTokens).toBeGreaterThan(0);
    expect(await desk.text()).toContain(textOf(second?.prompt ?? []));
  });
});
