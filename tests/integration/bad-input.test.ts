import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as Y from "yjs";
import { closeCodes } from "#shared/close-codes.ts";
import type { DocumentSummary } from "#shared/http.ts";
import { nextRunState, type Run, type RunEvent } from "#shared/run.ts";
import type { SamplingInput } from "#shared/sampling.ts";
import type { RunToken, StartRunInput } from "#shared/socket-events.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type LiveSocket, type OpenCopy, type Person, whenText } from "../support/person.ts";
import { quickestMs } from "../support/quickest.ts";
import { Random } from "../support/random.ts";

const waiting = { timeout: 15_000, interval: 10 };

let app: TestApp;
let sponsor: Person;
let editor: Person;
let socket: LiveSocket;
let editorSocket: LiveSocket;
beforeAll(async () => {
  app = await startTestApp();
  [sponsor, editor] = [await app.signIn("sponsor@demo.test"), await app.signIn("editor@demo.test")];
  socket = sponsor.socket();
  editorSocket = editor.socket();
});
afterAll(async () => {
  socket?.close();
  editorSocket?.close();
  await app?.close();
});

let documentId: string;
let copy: OpenCopy;
afterEach(() => copy.close());

async function open(body: string, title = "T"): Promise<void> {
  const answer = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title,
    body,
  });
  documentId = answer.document.id;
  copy = sponsor.open(documentId);
  if (!copy.provider.synced) await new Promise((resolve) => copy.provider.once("sync", resolve));
}

function start(input: Partial<StartRunInput> = {}) {
  return socket.emitWithAck("run:start", { documentId, ...input });
}

async function run(): Promise<Run | null> {
  const path = `/api/documents/${documentId}`;
  return (await sponsor.json<{ document: DocumentSummary }>("GET", path)).document.run;
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const encoded = (position: Y.RelativePosition) => base64(Y.encodeRelativePosition(position));

describe("what a run is asked to do", () => {
  test.each([
    ["temperature", { temperature: 0.01 }],
    ["temperature", { temperature: 3.01 }],
    ["topK", { topK: -1 }],
    ["topK", { topK: 1.5 }],
    ["topK", { topK: 1001 }],
    ["topP", { topP: 0 }],
    ["topP", { topP: 1.01 }],
    ["minP", { minP: -0.1 }],
    ["repetitionPenalty", { repetitionPenalty: 0.9 }],
    ["noRepeatNgramSize", { noRepeatNgramSize: 11 }],
    ["maxTokens", { maxTokens: 0 }],
    ["maxTokens", { maxTokens: 100_001 }],
    ["minTokens", { minTokens: -1 }],
    ["minTokens", { minTokens: 6, maxTokens: 5 }],
    ["minTokens", { minTokens: 201 }],
    ["seed", { seed: 2 ** 32 }],
    ["stop", { stop: ["x\0"] }],
    ["stop", { stop: ["\uD83D"] }],
    ["stop.0", { stop: [""] }],
    ["stop.1", { stop: ["a", "x".repeat(65)] }],
    ["stop", { stop: Array.from({ length: 9 }, () => "x") }],
    ["strategy", { strategy: "best" }],
    ["typicalP", { typicalP: 0 }],
    ["frequencyPenalty", { frequencyPenalty: 2.1 }],
    ["presencePenalty", { presencePenalty: -2.1 }],
    ["bannedWords.0", { bannedWords: [""] }],
    ["bannedWords", { bannedWords: Array.from({ length: 65 }, (_, i) => `word${i}`) }],
    ["bannedWords", { bannedWords: ["\0"] }],
    ["logitBias", { logitBias: { 999_999: 1 } }],
    ["logitBias.11", { logitBias: { 11: 101 } }],
    ["logitBias.king", { logitBias: { king: 1 } }],
    ["logitBias", { logitBias: Object.fromEntries([...Array(257).keys()].map((id) => [id, 1])) }],
    ["stopAt", { stopAt: "word" }],
    ["beams", { beams: 1 }],
    ["beams", { beams: 9 }],
    ["lengthPenalty", { lengthPenalty: 3 }],
    ["maxTokens", { strategy: "beams", maxTokens: 513 }],
    ["maxTokens", { strategy: "beams", maxTokens: null }],
  ])("A6: %s cannot be as in %j, and is named", async (field, sampling) => {
    await open("Once.");
    // Wrong is what is sent here, in its types too.
    expect(await start({ sampling: sampling as SamplingInput })).toMatchObject({
      ok: false,
      code: "invalid",
      details: { field: `sampling.${field}` },
    });
    expect(await run()).toBeNull();
  });

  test("a caret of rubbish, in the title, in another type, or at what does not exist is refused, and changes nothing", async () => {
    await open("Once upon a time.");
    const random = new Random(4);
    const title = copy.doc.getText("title");
    await vi.waitFor(() => expect(title.length).toBe(1), waiting);
    const rubbish = Array.from({ length: 60 }, () =>
      Uint8Array.from({ length: random.below(24) }, () => random.below(256)),
    ).map(base64);
    const elsewhere = [
      Y.createRelativePositionFromTypeIndex(title, 0),
      Y.createRelativePositionFromTypeIndex(title, 1, -1),
      new Y.RelativePosition(null, "other", null, 0),
      new Y.RelativePosition(null, null, Y.createID(1, 7), 0),
      new Y.RelativePosition(null, null, Y.createID(4_294_967_295, 2 ** 40), 0),
      new Y.RelativePosition(Y.createID(1, 1), null, null, 0),
    ].map(encoded);
    for (const caret of [...rubbish, ...elsewhere]) {
      expect(await start({ at: "caret", caret })).toMatchObject({
        ok: false,
        code: "invalid",
        details: { field: "caret" },
      });
    }
    expect(await run()).toBeNull();
    expect(copy.text()).toBe("Once upon a time.");
  });

  test("R13: a seen of rubbish is refused; one that is huge or from the future is told so after two seconds", async () => {
    await open("Once.");
    const random = new Random(5);
    const huge = new Map(Array.from({ length: 8_000 }, (_, client) => [client + 1, 1]));
    const future = new Map(
      [...Y.decodeStateVector(Y.encodeStateVector(copy.doc))].map(([client, clock]) => [
        client,
        clock + 1_000,
      ]),
    );
    const rubbish = Uint8Array.from({ length: 40 }, () => 128 + random.below(128));
    expect(await start({ seen: base64(rubbish) })).toMatchObject({ code: "invalid" });
    expect(await start({ seen: "A".repeat(64 * 1024 + 4) })).toMatchObject({
      code: "invalid",
      details: { field: "seen" },
    });
    const waitedMs: number[] = [];
    for (const seen of [future, huge]) {
      const began = performance.now();
      const vector = base64(Y.encodeStateVector(seen));
      expect(await start({ seen: vector })).toMatchObject({ ok: false, code: "not_synced" });
      waitedMs.push(performance.now() - began);
    }
    expect(Math.min(...waitedMs)).toBeGreaterThan(1_900);
    // A busy machine may hold one of them up.
    expect(Math.min(...waitedMs)).toBeLessThan(3_500);
    expect(await run()).toBeNull();
  });
});

describe("what a run is to go on from", () => {
  test("R5: Start is fast and reads the newest words with 200,000 characters before the caret", async () => {
    await open("The miller's daughter looked at the river. ".repeat(4_700).slice(0, 200_000));
    expect(copy.text()).toHaveLength(200_000);
    await socket.emitWithAck("document:join", { documentId });
    const startMs = async () => {
      const first = new Promise<RunToken[]>((resolve) =>
        socket.once("run:tokens", ({ tokens }) => resolve(tokens)),
      );
      const began = performance.now();
      const answer = await start({ sampling: { maxTokens: 5, seed: 2 } });
      expect(answer).toMatchObject({ ok: true });
      await first;
      const tookMs = performance.now() - began;
      await vi.waitFor(
        async () => expect(await run()).toMatchObject({ state: "finished" }),
        waiting,
      );
      return tookMs;
    };
    expect(await quickestMs(1_500, startMs)).toBeLessThan(1_500);
    const ended = await run();
    expect(ended?.promptTokens).toBeLessThan(ended?.contextLimit ?? 0);
    expect(ended?.promptTokens).toBeGreaterThan((ended?.contextLimit ?? 0) / 2);
  });

  test("an empty document begins with the end-of-text token, and is no longer empty", async () => {
    await open("");
    expect(await start({ sampling: { maxTokens: 12, minTokens: 12, seed: 2 } })).toMatchObject({
      ok: true,
    });
    await vi.waitFor(async () => expect(await run()).toMatchObject({ tokens: 12 }), waiting);
    expect(await run()).toMatchObject({ promptTokens: 1 });
    await whenText(copy, (text) => text.trim() !== "");
  });

  test.each([
    ["emoji and their joiners", "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽"],
    ["right-to-left text", "שלום עולם. مرحبا بالعالم."],
    ["combining marks", "e\u0301 n\u0303 Z̷̛a̸l̵g̶o̷"],
    ["zero characters and half surrogate pairs", "a\0b \uD83D c \uDC00"],
  ])(
    "D3: %s go in over HTTP, stay whole, and the model goes on after them",
    async (_what, strange) => {
      await open(strange, strange);
      const clean = strange.replaceAll("\0", "").replace(/\p{Surrogate}/gu, "\uFFFD");
      expect(copy.text()).toBe(clean);
      expect(await start({ sampling: { maxTokens: 8, minTokens: 8, seed: 1 } })).toMatchObject({
        ok: true,
      });
      await vi.waitFor(
        async () => expect(await run()).toMatchObject({ state: "finished" }),
        waiting,
      );
      await whenText(copy, (text) => text.length > clean.length);
      expect(copy.text().startsWith(clean)).toBe(true);
    },
  );

  test("D3 S4: a zero character over sync closes with 4400 and reaches nobody; the run goes on", async () => {
    await open("Once upon a time");
    await start({ sampling: { maxTokens: null, seed: 3 } });
    const forger = sponsor.open(documentId);
    await whenText(forger, (text) => text.length > 20);
    const closed = new Promise((resolve) =>
      forger.provider.on("closed", ({ code }) => resolve(code)),
    );
    forger.body.insert(0, "a\0b", {});
    expect(await closed).toBe(closeCodes.malformed);
    forger.close();
    const { length } = copy.text();
    await whenText(copy, (text) => text.length > length + 10);
    expect(copy.text()).not.toMatch(/\0/);
    expect(await socket.emitWithAck("run:stop", { documentId })).toMatchObject({ ok: true });
  });
});

describe("R1 R2: two people who press everything at once", () => {
  const events: readonly RunEvent[] = [
    "admit",
    "pause",
    "interrupt",
    "resume",
    "finish",
    "stop",
    "fail",
  ];

  /** Whether the table leads from the one to the other; a run of its own begins in the queue. */
  function follows(before: Run | undefined, after: Run): boolean {
    if (before?.id !== after.id) return after.state === "queued";
    if (before.state === after.state) return true;
    return events.some((event) => nextRunState(before.state, event) === after.state);
  }

  test("get only legal states and sentences, and every token once", async () => {
    await open("Once upon a time");
    await sponsor.json("PUT", `/api/documents/${documentId}/assignments`, {
      email: "editor@demo.test",
      role: "editor",
    });
    await socket.emitWithAck("document:join", { documentId });
    const states: Run[] = [];
    const tokens: RunToken[] = [];
    socket.on("run:state", (event) => states.push(event.run));
    socket.on("run:tokens", (event) => tokens.push(...event.tokens));
    const random = new Random(6);
    const press = (who: LiveSocket) => {
      const command = random.pick([
        "run:pause",
        "run:resume",
        "run:pause",
        "run:resume",
        "run:stop",
      ] as const);
      return who.emitWithAck(command, { documentId });
    };
    for (let round = 0; round < 20; round++) {
      const starts = [start({ sampling: { maxTokens: null, seed: round } }), start()];
      const presses = Array.from({ length: 10 }, (_, place) =>
        press(place % 2 === 0 ? socket : editorSocket),
      );
      for (const answer of await Promise.all([...starts, ...presses])) {
        expect(answer.ok ? "ok" : answer.code).toMatch(/^(ok|illegal_transition|run_exists)$/);
      }
    }
    await socket.emitWithAck("run:stop", { documentId });
    expect((await run())?.state).toBe("stopped");
    expect(states.filter((after, place) => !follows(states[place - 1], after))).toEqual([]);
    expect(await start({ sampling: { maxTokens: 3 } })).toMatchObject({ ok: true });
    await vi.waitFor(async () => expect((await run())?.state).toBe("finished"), waiting);
    await whenText(copy, (text) => text.length > 16);
    const written = () => tokens.map(({ text }) => text).join("");
    await vi.waitFor(() => expect(copy.text()).toBe(`Once upon a time${written()}`), waiting);
  });
});
