import * as encoding from "lib0/encoding";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { ClientIds } from "./client-ids.ts";
import { Frontier } from "./frontier.ts";
import { judgeUpdate, updateLimits } from "./guard.ts";

/** A document as the server holds it: Ann owns client 1, Ben client 2, the server client 3. */
function documentOf(text = "Once\n") {
  const doc = new Y.Doc();
  doc.clientID = 3;
  doc.getText("body").insert(0, text);
  return doc;
}

const bindings = [
  { clientId: 1, accountId: "ann" },
  { clientId: 2, accountId: "ben" },
  { clientId: 3, accountId: null },
];

function judgeAs(accountId: string, doc: Y.Doc, update: Uint8Array, frontier = newFrontier(doc)) {
  return judgeUpdate(update, { accountId, frontier, isRun: (id) => id === "run-1" });
}

const newFrontier = (doc: Y.Doc, clientIds = new ClientIds(bindings)) =>
  new Frontier(doc, clientIds);

/** A copy that writes under its own id, and what it has to say to the original. */
function copyOf(doc: Y.Doc, clientId: number) {
  const copy = new Y.Doc();
  Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
  copy.clientID = clientId;
  const before = Y.encodeStateVector(copy);
  return {
    doc: copy,
    body: copy.getText("body"),
    change: () => Y.encodeStateAsUpdate(copy, before),
  };
}

function changeBy(doc: Y.Doc, clientId: number, change: (body: Y.Text, doc: Y.Doc) => void) {
  const copy = copyOf(doc, clientId);
  change(copy.body, copy.doc);
  return copy.change();
}

const bytes = (write: (encoder: encoding.Encoder) => void) => encoding.encode(write);
const varUints = (...numbers: number[]) =>
  bytes((encoder) => {
    for (const number of numbers) encoding.writeVarUint(encoder, number);
  });

const malformed = { kind: "refused", code: 4400 };
const tooLarge = { kind: "refused", code: 4413 };
const notOurCopy = { kind: "notOurCopy" };

describe("client ids belong to accounts", () => {
  test("an account writes under an id of its own", () => {
    const doc = documentOf();
    const update = changeBy(doc, 1, (body) => body.insert(0, "Hello. "));
    expect(judgeAs("ann", doc, update)).toMatchObject({ kind: "accepted", bindings: [] });
  });

  test("S4: the first words in a title go through where nobody has looked at it since it was loaded", () => {
    const written = documentOf();
    written.getText("title").insert(0, "Untitled");
    const loaded = new Y.Doc();
    Y.applyUpdate(loaded, Y.encodeStateAsUpdate(written));
    const update = changeBy(written, 77, (_body, doc) => doc.getText("title").insert(0, "T"));
    expect(judgeAs("ben", loaded, update)).toMatchObject({ kind: "accepted" });
  });

  test("an unbound id that starts at clock 0 is bound to who writes", () => {
    const doc = documentOf();
    const update = changeBy(doc, 77, (body) => body.insert(0, "Hello. "));
    expect(judgeAs("ben", doc, update)).toMatchObject({
      kind: "accepted",
      bindings: [{ clientId: 77, accountId: "ben" }],
    });
  });

  test.each([
    ["another account's", 1],
    ["the server's", 3],
  ])("%s id is foreign", (_whose, clientId) => {
    const doc = documentOf();
    const update = changeBy(doc, clientId, (body) => body.insert(0, "forged"));
    expect(judgeAs("ben", doc, update)).toMatchObject(notOurCopy);
  });

  test("the id that the server drew for this time is foreign before it was ever written", () => {
    const doc = documentOf();
    const clientIds = new ClientIds(bindings);
    const update = changeBy(doc, clientIds.serverId, (body) => body.insert(0, "forged"));
    expect(judgeAs("ben", doc, update, newFrontier(doc, clientIds))).toMatchObject(notOurCopy);
  });

  test("S5: an id that another account showed in awareness is foreign", () => {
    const doc = documentOf();
    const clientIds = new ClientIds(bindings);
    clientIds.reserve(77, "ann");
    const update = changeBy(doc, 77, (body) => body.insert(0, "first"));
    expect(judgeAs("ben", doc, update, newFrontier(doc, clientIds))).toMatchObject(notOurCopy);
    expect(judgeAs("ann", doc, update, newFrontier(doc, clientIds)).kind).toBe("accepted");
  });

  test("of two accounts that claim an id in one commit the first has it", () => {
    const doc = documentOf();
    const frontier = newFrontier(doc);
    const update = changeBy(doc, 77, (body) => body.insert(0, "first"));
    const second = changeBy(doc, 77, (body) => body.insert(0, "first, and more"));
    expect(judgeAs("ann", doc, update, frontier).kind).toBe("accepted");
    expect(judgeAs("ben", doc, second, frontier)).toMatchObject(notOurCopy);
  });

  test("the 14 bytes that would make the server drop the victim's next 1,000 characters", () => {
    const doc = documentOf();
    const forged = varUints(1, 1, 1, 0, 0, 1000, 0);
    expect(judgeAs("ben", doc, forged)).toMatchObject(notOurCopy);
  });
});

describe("what is known is skipped, whoever wrote it", () => {
  test("a reloaded copy with everyone's text changes nothing", () => {
    const doc = documentOf();
    expect(judgeAs("ben", doc, Y.encodeStateAsUpdate(doc))).toEqual({ kind: "nothing" });
  });

  test("a deletion that was made already changes nothing", () => {
    const doc = documentOf();
    const deletion = changeBy(doc, 1, (body) => body.delete(0, 2));
    Y.applyUpdate(doc, deletion);
    expect(judgeAs("ann", doc, deletion)).toEqual({ kind: "nothing" });
  });

  test("only what is new goes into the log", () => {
    const doc = documentOf();
    doc.getText("body").delete(0, 2);
    const copy = copyOf(doc, 1);
    copy.body.insert(0, "new ");
    copy.body.delete(5, 1);
    const verdict = judgeAs("ann", doc, Y.encodeStateAsUpdate(copy.doc));
    if (verdict.kind !== "accepted") throw new Error(verdict.kind);
    const { structs, ds } = Y.decodeUpdate(verdict.payload);
    expect(structs.map((struct) => struct.id.client)).toEqual([1]);
    expect([...ds.clients.values()].flat()).toHaveLength(1);
    Y.applyUpdate(doc, verdict.payload);
    expect(doc.getText("body").toString()).toBe(copy.body.toString());
  });
});

describe("nothing is left pending", () => {
  test("S6: a gap before the first clock", () => {
    const doc = documentOf();
    const copy = copyOf(doc, 1);
    copy.body.insert(0, "a");
    const before = Y.encodeStateVector(copy.doc);
    copy.body.insert(1, "b");
    const second = Y.encodeStateAsUpdate(copy.doc, before);
    expect(judgeAs("ann", doc, second)).toMatchObject(notOurCopy);
  });

  test("an update may build on one that goes with the same commit", () => {
    const doc = documentOf();
    const frontier = newFrontier(doc);
    const copy = copyOf(doc, 1);
    copy.body.insert(0, "a");
    const first = copy.change();
    const before = Y.encodeStateVector(copy.doc);
    copy.body.insert(1, "b");
    expect(judgeAs("ann", doc, first, frontier).kind).toBe("accepted");
    const second = Y.encodeStateAsUpdate(copy.doc, before);
    expect(judgeAs("ann", doc, second, frontier).kind).toBe("accepted");
  });

  test.each([
    ["a left neighbour", 0x84],
    ["a right neighbour", 0x44],
  ])("%s that is missing", (_what, info) => {
    const update = bytes((encoder) => {
      for (const number of [1, 1, 1, 0]) encoding.writeVarUint(encoder, number);
      encoding.writeUint8(encoder, info);
      for (const number of [2, 500]) encoding.writeVarUint(encoder, number);
      encoding.writeVarString(encoder, "x");
      encoding.writeVarUint(encoder, 0);
    });
    expect(judgeAs("ann", documentOf(), update)).toMatchObject(notOurCopy);
  });

  test("two structs that wait for each other", () => {
    const update = bytes((encoder) => {
      encoding.writeVarUint(encoder, 2);
      for (const [client, other] of [
        [78, 77],
        [77, 78],
      ] as const) {
        for (const number of [1, client, 0]) encoding.writeVarUint(encoder, number);
        encoding.writeUint8(encoder, 0x84);
        for (const number of [other, 0]) encoding.writeVarUint(encoder, number);
        encoding.writeVarString(encoder, "x");
      }
      encoding.writeVarUint(encoder, 0);
    });
    expect(judgeAs("ann", documentOf(), update)).toMatchObject(notOurCopy);
  });

  test("a struct that waits for itself", () => {
    const update = bytes((encoder) => {
      for (const number of [1, 1, 1, 0]) encoding.writeVarUint(encoder, number);
      encoding.writeUint8(encoder, 0x84);
      for (const number of [1, 0]) encoding.writeVarUint(encoder, number);
      encoding.writeVarString(encoder, "x");
      encoding.writeVarUint(encoder, 0);
    });
    expect(judgeAs("ann", documentOf(), update)).toMatchObject(notOurCopy);
  });

  test("S6: a deletion of what is missing", () => {
    expect(judgeAs("ann", documentOf(), varUints(0, 1, 3, 1, 2, 100))).toMatchObject(notOurCopy);
  });
});

describe("sizes and shapes", () => {
  test("nine bytes that ask for memory for 33 million structs", () => {
    const bomb = Uint8Array.of(0x01, 0xff, 0xff, 0xff, 0x0f, 0x07, 0x00);
    expect(judgeAs("ann", documentOf(), bomb)).toMatchObject(tooLarge);
  });

  test("a delete set that asks for memory", () => {
    expect(judgeAs("ann", documentOf(), varUints(0, 1, 3, 2 ** 31))).toMatchObject(tooLarge);
  });

  test.each([2 ** 31, Number.MAX_SAFE_INTEGER])("a collected struct of length %i", (length) => {
    expect(judgeAs("ann", documentOf(), varUints(1, 1, 1, 0, 0, length, 0))).toMatchObject(
      tooLarge,
    );
  });

  test.each(["\u0007", "\u001b[2J", "\r", "\f", "\u007f", "\u009b"])(
    "D3: the control character in %j, in the text or the title, and no other",
    (control) => {
      const doc = documentOf();
      for (const name of ["body", "title"]) {
        const writing = (text: string) => {
          const copy = copyOf(doc, 1);
          copy.doc.getText(name).insert(0, text);
          return judgeAs("ann", doc, copy.change());
        };
        expect(writing(`so${control}und`)).toMatchObject({
          ...malformed,
          reason: "a control character",
        });
        expect(writing("so\tund\n\u200d\u202e\u00a0 שלום")).toMatchObject({ kind: "accepted" });
      }
    },
  );

  test("D3: what the document holds from before is no reason to refuse what is new", () => {
    const doc = documentOf("an old page\f\n");
    doc.clientID = 1;
    doc.getText("body").insert(0, "old \f");
    const copy = copyOf(doc, 1);
    copy.body.insert(5, "new");
    const whole = Y.encodeStateAsUpdate(copy.doc);
    expect(judgeAs("ann", doc, whole)).toMatchObject({ kind: "accepted" });
  });

  test("D3: a NUL, and half a surrogate pair written as bytes of its own", () => {
    const inserting = (...characters: number[]) =>
      Uint8Array.of(
        1,
        1,
        7,
        0,
        4,
        1,
        4,
        ...Buffer.from("body"),
        characters.length,
        ...characters,
        0,
      );
    expect(judgeAs("ann", documentOf(), inserting(0x61))).toMatchObject({ kind: "accepted" });
    expect(judgeAs("ann", documentOf(), inserting(0x61, 0x00))).toMatchObject(malformed);
    expect(judgeAs("ann", documentOf(), inserting(0xed, 0xa0, 0xbd))).toMatchObject(malformed);
  });

  test("too many structs", () => {
    const update = bytes((encoder) => {
      const count = updateLimits.structs + 1;
      for (const number of [1, count, 1, 0]) encoding.writeVarUint(encoder, number);
      for (let index = 0; index < count; index++) {
        for (const number of [0, 1]) encoding.writeVarUint(encoder, number);
      }
      encoding.writeVarUint(encoder, 0);
    });
    expect(judgeAs("ann", documentOf(), update)).toMatchObject(tooLarge);
  });

  test("too many client ids at once", () => {
    const clients = updateLimits.newClients + 1;
    const update = bytes((encoder) => {
      encoding.writeVarUint(encoder, clients);
      for (let client = 100; client < 100 + clients; client++) {
        for (const number of [1, client, 0, 0, 1]) encoding.writeVarUint(encoder, number);
      }
      encoding.writeVarUint(encoder, 0);
    });
    expect(judgeAs("ann", documentOf(), update)).toMatchObject(tooLarge);
  });

  test("a client id beyond 32 bits", () => {
    expect(judgeAs("ann", documentOf(), varUints(1, 1, 2 ** 32, 0, 0, 1, 0))).toMatchObject(
      malformed,
    );
  });

  test("no bytes at all", () => {
    expect(judgeAs("ann", documentOf(), new Uint8Array())).toMatchObject(malformed);
  });

  test("every cut of an honest update is refused, and none throws", () => {
    const doc = documentOf();
    const update = changeBy(doc, 1, (body) => {
      body.insert(0, "Hello. ", { bold: true });
      body.delete(8, 2);
    });
    for (let length = 0; length < update.length; length++) {
      expect(judgeAs("ann", doc, update.slice(0, length)).kind).not.toBe("accepted");
    }
    expect(judgeAs("ann", doc, update).kind).toBe("accepted");
  });

  test("bytes after the end", () => {
    const doc = documentOf();
    const update = changeBy(doc, 1, (body) => body.insert(0, "a"));
    expect(judgeAs("ann", doc, Uint8Array.of(...update, 0))).toMatchObject(malformed);
  });

  test("the V2 encoding", () => {
    const doc = documentOf();
    const copy = copyOf(doc, 1);
    const before = Y.encodeStateVector(copy.doc);
    copy.body.insert(0, "Hello. ");
    const update = Y.encodeStateAsUpdateV2(copy.doc, before);
    expect(judgeAs("ann", doc, update)).toMatchObject(malformed);
  });
});

describe("the schema", () => {
  test.each<[string, (body: Y.Text, doc: Y.Doc) => void]>([
    ["an embed", (body) => body.insertEmbed(0, { image: "x" })],
    ["a nested type", (_body, doc) => doc.getMap("body2").set("x", new Y.Text("y"))],
    ["a subdocument", (_body, doc) => doc.getMap("map").set("x", new Y.Doc())],
    ["a map's value", (_body, doc) => doc.getMap("map").set("x", 1)],
    ["a binary", (_body, doc) => doc.getArray("list").insert(0, [Uint8Array.of(1)])],
    ["another shared text", (_body, doc) => doc.getText("elsewhere").insert(0, "x")],
    ["an attribute of the whole text", (body) => body.setAttribute("hidden", true)],
    ["a link", (body) => body.format(0, 2, { link: "https://example.org" })],
    ["an unknown block", (body) => body.format(4, 1, { block: "table" })],
    ["a heading of level 7", (body) => body.format(4, 1, { block: "heading", level: 7 })],
    ["a mark with a value", (body) => body.format(0, 2, { bold: "very" })],
    ["an object as a value", (body) => body.format(0, 2, { bold: { a: 1 } })],
  ])("%s is refused", (_what, change) => {
    const doc = documentOf();
    expect(judgeAs("ann", doc, changeBy(doc, 1, change))).toMatchObject(malformed);
  });

  test("a value nested so deep that a parser would fail", () => {
    const value = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const update = bytes((encoder) => {
      for (const number of [1, 1, 1, 0]) encoding.writeVarUint(encoder, number);
      encoding.writeUint8(encoder, 6);
      encoding.writeVarUint(encoder, 1);
      encoding.writeVarString(encoder, "body");
      encoding.writeVarString(encoder, "bold");
      encoding.writeVarString(encoder, value);
      encoding.writeVarUint(encoder, 0);
    });
    expect(judgeAs("ann", documentOf(), update)).toMatchObject(malformed);
  });

  test("marks, headings, the title and runs of the document pass", () => {
    const doc = documentOf();
    const update = changeBy(doc, 1, (body, copy) => {
      body.format(0, 2, { bold: true, italic: true, run: "run-1" });
      body.format(0, 1, { bold: null, run: null });
      body.format(4, 1, { block: "heading", level: 2 });
      copy.getText("title").insert(0, "A title 🜲");
    });
    expect(judgeAs("ann", doc, update).kind).toBe("accepted");
  });

  test("a run that nobody knows has to be looked up", () => {
    const doc = documentOf();
    const update = changeBy(doc, 1, (body) => body.format(0, 2, { run: "run-2" }));
    expect(judgeAs("ann", doc, update)).toEqual({ kind: "unknownRuns", runIds: ["run-2"] });
  });
});

test("S4: seeded fuzz: whatever is accepted integrates completely, and bytes that were bent never throw", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = mulberry32(seed);
    const doc = documentOf("The quick brown fox jumps over the lazy dog.\n");
    const copy = copyOf(doc, 1);
    for (let step = 0; step < 12; step++) {
      const at = Math.floor(random() * copy.body.length);
      if (random() < 0.6) copy.body.insert(at, "ab🜲c".slice(0, random() < 0.5 ? 2 : 5));
      else if (random() < 0.5) copy.body.delete(at, Math.min(3, copy.body.length - at));
      else copy.body.format(at, Math.min(4, copy.body.length - at), { bold: true });
    }
    const update = random() < 0.5 ? copy.change() : Y.encodeStateAsUpdate(copy.doc);
    const bent = update.slice();
    for (let bends = Math.floor(random() * 4); bends > 0; bends--) {
      bent[Math.floor(random() * bent.length)] = Math.floor(random() * 256);
    }
    const verdict = judgeAs("ann", doc, bent);
    if (verdict.kind !== "accepted") continue;
    Y.applyUpdate(doc, verdict.payload);
    expect(doc.store.pendingStructs, `seed ${seed}`).toBeNull();
    expect(doc.store.pendingDs, `seed ${seed}`).toBeNull();
  }
});

/** A small seeded generator of numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
