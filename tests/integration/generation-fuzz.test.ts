import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";
import { openRunDesk, type RunDesk, seenBy } from "../support/run-desk.ts";
import { createScriptedModel, type ScriptedModel } from "../support/scripted-engine.ts";
import type { Tab } from "../support/sync-server.ts";

const seeds = [1, 2, 3, 4, 5, 6];
const edits = 25;
const snippets = ["so ", "é", "🦊 ", "\n", " and", "'s", "  ", "x"];
let test: TestDatabase;
let desk: RunDesk;
let model: ScriptedModel;

beforeAll(async () => {
  test = await openTestDatabase();
});
afterEach(() => desk.close());
afterAll(() => test.remove());

async function moreThan(tokens: number): Promise<void> {
  await vi.waitFor(() => expect(desk.published.tokens.length).toBeGreaterThan(tokens), {
    timeout: 20_000,
    interval: 2,
  });
}

/** mulberry32 */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** One random edit that never splits a character and leaves the final line break alone. */
function edit(tab: Tab, random: (below: number) => number): void {
  const text = tab.body.toString();
  const place = wholeAt(text, random(text.length));
  const end = wholeAt(text, Math.min(place + random(6), text.length - 1));
  if (random(3) > 0) tab.body.insert(place, snippets[random(snippets.length)] ?? "", {});
  else if (end > place) tab.body.delete(place, end - place);
}

function wholeAt(text: string, index: number): number {
  return /[\uDC00-\uDFFF]/.test(text[index] ?? "") ? index - 1 : index;
}

describe("a run while people edit everywhere", () => {
  it.each(seeds)(
    "writes on from the live text: what it read and wrote since stands before its caret (seed %i)",
    async (seed) => {
      const random = createRandom(seed);
      model = createScriptedModel({
        contextTokens: 48,
        // No two rounds alike: a run that repeats itself pauses.
        next: ({ index }) => [" he", "llo", ",", "\n", ` w${index}`, "ld", "."][index % 7] ?? "",
      });
      desk = await openRunDesk({ database: test.database, body: "It began. ", model });
      const tabs = [await desk.openTab(desk.editor), await desk.openTab(desk.owner)] as const;
      await desk.generation.start(desk.owner, {
        documentId: desk.documentId,
        sampling: { maxTokens: null },
      });
      for (let round = 0; round < edits; round++) {
        const tab = tabs[random(2)] ?? tabs[0];
        edit(tab, random);
        const tokens = desk.published.tokens.length;
        if (random(2) > 0) {
          await moreThan(tokens);
        }
      }
      await vi.waitFor(() => expect(tabs[0].body.toString()).toBe(tabs[1].body.toString()), {
        timeout: 20_000,
      });
      const seen = seenBy(tabs[0]);
      const paused = await desk.generation.pause(desk.owner, { documentId: desk.documentId, seen });
      await desk.generation.tune(desk.owner, {
        documentId: desk.documentId,
        sampling: { maxTokens: paused.tokens + 5 },
      });
      await desk.generation.resume(desk.owner, { documentId: desk.documentId });
      await vi.waitFor(() => expect(desk.published.states.at(-1)?.state).toBe("finished"), {
        timeout: 20_000,
      });

      const last = model.requests.at(-1);
      const since = desk.published.tokens.filter(({ index }) => index >= (last?.firstIndex ?? 0));
      const read = `${last?.text}${since.map((token) => token.text).join("")}`;
      expect(`${await desk.text()}\n`).toContain(read);
      expect(desk.published.tokens.map((token) => token.index)).toEqual(
        Array.from({ length: paused.tokens + 5 }, (_, index) => index),
      );
      expect(await desk.text()).not.toMatch(/\p{Surrogate}|\uFFFD/u);
    },
  );
});
