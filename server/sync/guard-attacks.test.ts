import * as decoding from "lib0/decoding";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { Awareness } from "./awareness.ts";
import { ClientIds } from "./client-ids.ts";
import { decodeAwareness, decodeFrame, isStateVector } from "./frames.ts";
import { Frontier } from "./frontier.ts";
import { judgeUpdate, updateLimits } from "./guard.ts";
import { DecodingError, readNumber } from "./strict-decoding.ts";

/** Ann owns client 1 and writes; the server, client 3, wrote "Once\n". */
function judge(update: readonly number[]) {
  const doc = new Y.Doc();
  doc.clientID = 3;
  doc.getText("body").insert(0, "Once\n");
  const clientIds = new ClientIds([
    { clientId: 1, accountId: "ann" },
    { clientId: 3, accountId: null },
  ]);
  const frontier = new Frontier(doc, clientIds);
  const isRun = () => false;
  return judgeUpdate(Uint8Array.from(update), { accountId: "ann", frontier, isRun });
}

const name = (text: string) => [text.length, ...Buffer.from(text)];
const varUint = (number: number): number[] =>
  number < 128 ? [number] : [128 + (number % 128), ...varUint(Math.floor(number / 128))];
/** Characters at the start of the body. */
const inserted = (...characters: number[]) => [
  4,
  1,
  ...name("body"),
  characters.length,
  ...characters,
];
const malformed = { kind: "refused", code: 4400 };
const tooLarge = { kind: "refused", code: 4413 };

describe("S4 S15: numbers", () => {
  /** lib0 makes NaN of it, which is neither above nor below any limit. */
  const notANumber = [...Array<number>(160).fill(0x80), 0];
  const beyond = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];

  test.each([
    ["without an end", notANumber],
    ["padded", [0x81, 0x80, 0]],
    ["beyond 2^53", beyond],
    ["cut short", [0x80]],
    ["not there", []],
  ])("%s are none", (_what, bytes) => {
    expect(() => readNumber(decoding.createDecoder(Uint8Array.from(bytes)))).toThrow(DecodingError);
  });

  test.each([0, 127, 128, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER])("%i is read", (number) => {
    const decoder = decoding.createDecoder(Uint8Array.from(varUint(number)));
    expect(readNumber(decoder)).toBe(number);
    expect(decoding.hasContent(decoder)).toBe(false);
  });

  test.each([
    ["a clock", [1, 1, 1, ...notANumber, ...inserted(0x61), 0]],
    ["a client id", [1, 1, ...notANumber, 0, ...inserted(0x61), 0]],
    ["a count of structs", [1, ...notANumber, 1, 0, 0]],
    ["a count of clients", [...notANumber, 0]],
    ["a neighbour", [1, 1, 1, 0, 0x84, 3, ...notANumber, 1, 0x61, 0]],
    ["a deletion's clock", [0, 1, 3, 1, ...notANumber, 1]],
    ["a deletion's length", [0, 1, 3, 1, 0, ...notANumber]],
    ["a count of deletions", [0, 1, 3, ...notANumber]],
  ])("%s that is no number is refused, and ends the judging", (_what, update) => {
    expect(judge(update)).toMatchObject(malformed);
  });

  test("a clock of 2^53 − 1 is refused", () => {
    const clock = varUint(Number.MAX_SAFE_INTEGER);
    expect(judge([1, 1, 1, ...clock, ...inserted(0x61), 0])).toMatchObject(tooLarge);
    expect(judge([0, 1, 3, 1, ...clock, 1])).toMatchObject(tooLarge);
  });

  test("an awareness, a state vector and a frame of them are refused", () => {
    expect(() => decodeAwareness(Uint8Array.from(notANumber))).toThrow(DecodingError);
    expect(() => decodeAwareness(Uint8Array.of(1, 5, ...notANumber, 2, 0x7b, 0x7d))).toThrow(
      DecodingError,
    );
    expect(isStateVector(Uint8Array.from([1, ...notANumber, 0]))).toBe(false);
    expect(decodeFrame(Uint8Array.from(notANumber))).toBeUndefined();
  });
});

describe("S6: shapes that Yjs would take and never finish with", () => {
  test("a client that comes twice: Yjs would forget the first list and wait for it for ever", () => {
    const twice = [2, 1, 1, 0, ...inserted(0x61), 1, 1, 1, 0x84, 1, 0, 1, 0x62, 0];
    expect(judge(twice)).toMatchObject(malformed);
  });

  test("a client without structs", () => {
    expect(judge([1, 0, 1, 0, 0])).toMatchObject(malformed);
  });

  test("a gap that a skip covers is a gap", () => {
    const skipped = [1, 2, 1, 0, 10, 5, ...inserted(0x61), 0];
    expect(judge(skipped)).toMatchObject({ kind: "notOurCopy" });
  });

  test("what nobody wrote yet is not skipped as known", () => {
    expect(judge([1, 1, 1, 0, 10, 100, 0])).toEqual({ kind: "nothing" });
  });
});

describe("S15: what costs more than it looks", () => {
  test("a range that is deleted 60,000 times over is one", () => {
    const ranges = Array.from({ length: 60_000 }, () => [0, 4]).flat();
    const verdict = judge([0, 1, 3, ...varUint(60_000), ...ranges]);
    if (verdict.kind !== "accepted") throw new Error(verdict.kind);
    expect(Y.decodeUpdate(verdict.payload).ds.clients.get(3)).toEqual([{ clock: 0, len: 4 }]);
  });

  test("15,000 characters that each claim both ends of a long text, which Yjs would walk through", () => {
    const doc = new Y.Doc();
    doc.clientID = 3;
    for (let count = 0; count < 5_000; count++) doc.getText("body").insert(0, "x");
    const clientIds = new ClientIds([{ clientId: 4_000_000_000, accountId: "ann" }]);
    const context = { accountId: "ann", isRun: () => false };
    const update = (count: number) => {
      const structs = Array.from({ length: count }, () => inserted(0x61)).flat();
      return Uint8Array.from([1, ...varUint(count), ...varUint(4_000_000_000), 0, ...structs, 0]);
    };
    const judgeMany = (count: number) =>
      judgeUpdate(update(count), { ...context, frontier: new Frontier(doc, clientIds) });
    expect(judgeMany(15_000)).toMatchObject(tooLarge);
    expect(judgeMany(100).kind).toBe("accepted");
  });

  test("runs by the hundred that have to be looked up", () => {
    const count = updateLimits.unknownRuns + 1;
    const structs = Array.from({ length: count }, (_, index) => [
      6,
      1,
      ...name("body"),
      ...name("run"),
      ...name(`"run-${index}"`),
    ]).flat();
    expect(judge([1, ...varUint(count), 1, 0, ...structs, 0])).toMatchObject(tooLarge);
  });

  test.each(['"\\u0000"', '"\\ud800"', '"a b"', '""', `"${"x".repeat(65)}"`, "7", '{"a":1}'])(
    "%s is no run's id, and is not looked up",
    (value) => {
      const struct = [6, 1, ...name("body"), ...name("run"), ...name(value)];
      expect(judge([1, 1, 1, 0, ...struct, 0])).toMatchObject(malformed);
    },
  );
});

describe("S9: forged presence", () => {
  const ann = {
    writeAccess: { accountId: "ann", name: "Ann", role: "editor", accessEpoch: 0 },
  } as const;
  const shown = (state: string, clock = 1) => {
    const awareness = new Awareness(new ClientIds([]));
    awareness.publish(ann, { clientId: 5, clock, state });
    return awareness.entries().map((entry): unknown => JSON.parse(entry.state));
  };
  const user = { id: "ann", name: "Ann", role: "editor" };

  test("keys that mean something to every object go, and nothing is polluted", () => {
    const state =
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"user":7}';
    expect(shown(state)).toEqual([{ user }]);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });

  test("fields of the wrong type go", () => {
    expect(shown('{"composing":"yes","cursor":12}')).toEqual([{ user }]);
    expect(shown('{"composing":true,"cursor":null}')).toEqual([
      { composing: true, cursor: null, user },
    ]);
  });

  test.each([2 ** 31 + 1, Number.MAX_SAFE_INTEGER])("a clock of %i shows nothing", (clock) => {
    expect(shown("{}", clock)).toEqual([]);
  });
});

describe("D3 S16: a character of two halves stays whole", () => {
  function judgeOnPair(change: (body: Y.Text) => void) {
    const doc = new Y.Doc();
    doc.clientID = 3;
    doc.getText("body").insert(0, "a🜲b\n");
    const copy = new Y.Doc();
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
    copy.clientID = 1;
    const before = Y.encodeStateVector(copy);
    change(copy.getText("body"));
    const frontier = new Frontier(doc, new ClientIds([{ clientId: 1, accountId: "ann" }]));
    const update = Y.encodeStateAsUpdate(copy, before);
    return judgeUpdate(update, { accountId: "ann", frontier, isRun: () => false });
  }

  test.each<[string, (body: Y.Text) => void]>([
    ["text between its halves", (body) => body.insert(2, "x")],
    ["its first half deleted", (body) => body.delete(1, 1)],
    ["its second half deleted", (body) => body.delete(2, 1)],
    ["more deleted, and one half", (body) => body.delete(2, 2)],
    ["half of it bold", (body) => body.format(0, 2, { bold: true })],
  ])("%s is refused", (_what, change) => {
    expect(judgeOnPair(change)).toMatchObject(malformed);
  });

  test.each<[string, (body: Y.Text) => void]>([
    ["text before it", (body) => body.insert(1, "x")],
    ["text after it", (body) => body.insert(3, "x")],
    ["all of it deleted", (body) => body.delete(1, 2)],
    ["all of it bold", (body) => body.format(1, 2, { bold: true })],
  ])("%s passes", (_what, change) => {
    expect(judgeOnPair(change).kind).toBe("accepted");
  });
});

describe("S17 S16: nothing stands where nobody could have written it", () => {
  /** The server wrote "Once\n" in the body, and then "Title" in the title; Ben, client 2, "ab" before the "O". */
  const durable = () => {
    const doc = new Y.Doc();
    doc.clientID = 3;
    doc.getText("body").insert(0, "Once\n");
    doc.getText("title").insert(0, "Title");
    const copy = new Y.Doc();
    copy.clientID = 2;
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
    copy.getText("body").insert(0, "a");
    copy.getText("body").insert(1, "b");
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(copy));
    return doc;
  };
  const bindings = [
    { clientId: 1, accountId: "ann" },
    { clientId: 2, accountId: "ben" },
    { clientId: 3, accountId: null },
  ];
  type Id = readonly [client: number, clock: number];
  const between = (left: Id, right: Id, text = "x") => [0xc4, ...left, ...right, ...name(text)];
  const by = (client: number, clock: number, ...structs: number[][]) =>
    Uint8Array.from([1, structs.length, client, clock, ...structs.flat(), 0]);
  const isRun = () => false;
  const judgeBy = (accountId: string, update: Uint8Array, frontier: Frontier) =>
    judgeUpdate(update, { accountId, frontier, isRun });
  const frontierOf = (doc: Y.Doc) => new Frontier(doc, new ClientIds(bindings));

  test.each<[string, Id, Id]>([
    ["the same character on both sides", [3, 1], [3, 1]],
    ["its right neighbour on the left, in one run of text", [3, 3], [3, 1]],
    ["its right neighbour on the left", [3, 0], [2, 0]],
    ["one neighbour in the body and one in the title", [3, 1], [3, 6]],
    ["one neighbour in the title and one in the body", [3, 6], [3, 1]],
    ["text in between that its right neighbour's writer had written", [3, 0], [3, 3]],
    ["text in between that its right neighbour builds on", [2, 0], [3, 1]],
  ])("%s: refused", (_what, left, right) => {
    const doc = durable();
    expect(judgeBy("ann", by(1, 0, between(left, right)), frontierOf(doc))).toMatchObject(
      malformed,
    );
  });

  test("between characters that stand side by side it is accepted", () => {
    const doc = durable();
    for (const [left, right] of [
      [
        [3, 0],
        [3, 1],
      ],
      [
        [2, 0],
        [2, 1],
      ],
      [
        [2, 1],
        [3, 0],
      ],
      [
        [3, 6],
        [3, 7],
      ],
    ] satisfies [Id, Id][]) {
      const verdict = judgeBy("ann", by(1, 0, between(left, right)), frontierOf(doc));
      expect(verdict.kind).toBe("accepted");
    }
  });

  test("what somebody else put between them meanwhile is no hindrance", () => {
    const doc = durable();
    Y.applyUpdate(doc, by(2, 2, between([3, 0], [3, 1])));
    const verdict = judgeBy("ann", by(1, 0, between([3, 0], [3, 1])), frontierOf(doc));
    expect(verdict.kind).toBe("accepted");
  });

  test("what one wrote oneself between them is", () => {
    const doc = durable();
    Y.applyUpdate(doc, by(1, 0, between([3, 0], [3, 1])));
    const update = by(1, 1, between([3, 0], [3, 1]));
    expect(judgeBy("ann", update, frontierOf(doc))).toMatchObject(malformed);
  });

  test("what a third one wrote between them, and a neighbour builds on, is as well", () => {
    const doc = durable();
    Y.applyUpdate(doc, by(2, 2, between([3, 0], [3, 1])));
    Y.applyUpdate(doc, by(4, 0, between([2, 2], [3, 1])));
    const update = by(1, 0, between([3, 0], [4, 0]));
    expect(judgeBy("ann", update, frontierOf(doc))).toMatchObject(malformed);
  });

  test("a neighbour of the same update on both sides is refused", () => {
    const structs = [between([3, 0], [3, 1], "xyz"), between([1, 1], [1, 1])];
    expect(judgeBy("ann", by(1, 0, ...structs), frontierOf(durable()))).toMatchObject(malformed);
  });

  test("what stands next to collected text is collected, and changes nothing", () => {
    const doc = durable();
    const update = by(1, 0, [0, 1], between([1, 0], [3, 1]));
    const verdict = judgeBy("ann", update, frontierOf(doc));
    if (verdict.kind !== "accepted") throw new Error(verdict.kind);
    Y.applyUpdate(doc, verdict.payload);
    expect(doc.getText("body").toString()).toBe("abOnce\n");
    expect(doc.store.pendingStructs).toBeNull();
  });

  test("known text that says it stands elsewhere is stored without saying so", () => {
    const doc = durable();
    Y.applyUpdate(doc, by(1, 0, between([3, 0], [3, 1], "x")));
    const elsewhere = by(1, 0, between([3, 6], [3, 1], "xy"));
    const verdict = judgeBy("ann", elsewhere, frontierOf(doc));
    if (verdict.kind !== "accepted") throw new Error(verdict.kind);
    Y.applyUpdate(doc, verdict.payload);
    expect(doc.getText("title").length).toBe("Title".length);
    expect(doc.getText("body").toString()).toBe("abOxynce\n");
    expect(doc.getText("body").length).toBe("abOxynce\n".length);
  });

  test("halves of a character that goes with the same commit stay together", () => {
    const frontier = frontierOf(durable());
    const sign = [0xc4, 3, 0, 3, 1, 4, ...Buffer.from("🜲")];
    expect(judgeBy("ann", by(1, 0, sign), frontier).kind).toBe("accepted");
    const half = Uint8Array.from([0, 1, 1, 1, 0, 1]);
    expect(judgeBy("ben", half, frontier)).toMatchObject(malformed);
    const inside = by(2, 2, between([1, 0], [1, 1]));
    expect(judgeBy("ben", inside, frontier)).toMatchObject(malformed);
    expect(judgeBy("ben", by(2, 2, between([1, 1], [3, 1])), frontier).kind).toBe("accepted");
  });

  test("halves of a character of the same update stay together", () => {
    const sign = [0xc4, 3, 0, 3, 1, 4, ...Buffer.from("🜲")];
    const update = by(1, 0, sign, between([1, 0], [1, 1]));
    expect(judgeBy("ann", update, frontierOf(durable()))).toMatchObject(malformed);
  });
});
