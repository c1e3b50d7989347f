import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { insertRunText } from "./insert-text.ts";

function bodyOf(delta: { insert: string; attributes?: Record<string, unknown> }[]): Y.Text {
  const body = new Y.Doc().getText("body");
  body.applyDelta(delta);
  return body;
}

describe("a run's text", () => {
  it("inherits nothing from the text around it", () => {
    const body = bodyOf([{ insert: "bold", attributes: { bold: true } }, { insert: "\n" }]);
    insertRunText(body, 2, "x\ny", "r");
    expect(body.toDelta()).toEqual([
      { insert: "bo", attributes: { bold: true } },
      { insert: "x\ny", attributes: { run: "r" } },
      { insert: "ld", attributes: { bold: true } },
      { insert: "\n" },
    ]);
  });

  it("keeps both halves of a heading that it splits a heading", () => {
    const heading = { block: "heading", level: 1 };
    const body = bodyOf([{ insert: "OneTwo" }, { insert: "\n", attributes: heading }]);
    insertRunText(body, 3, "\n", "r");
    expect(body.toDelta()).toEqual([
      { insert: "One" },
      { insert: "\n", attributes: { run: "r", ...heading } },
      { insert: "Two" },
      { insert: "\n", attributes: heading },
    ]);
  });

  it("D2: mends a missing final line break before it writes", () => {
    const body = bodyOf([{ insert: "One" }]);
    insertRunText(body, 3, " two", "r");
    expect(body.toString()).toBe("One two\n");
  });

  it("R14: reports exactly the characters that it inserted, flush after flush", () => {
    const body = bodyOf([{ insert: "A\n" }]);
    const first = insertRunText(body, 1, "bc", "r");
    const second = insertRunText(body, 3, "de", "r");
    const units = [...first.ranges, ...second.ranges].map(({ from, to }) => to - from);
    expect(units).toEqual([2, 2]);
    const client = body.doc?.clientID;
    const text = [first, second]
      .flatMap(({ ranges }) => ranges)
      .map((range) => {
        const struct = body.doc?.store.clients
          .get(client ?? 0)
          ?.find(({ id, length }) => id.clock <= range.from && range.from < id.clock + length);
        if (!(struct instanceof Y.Item) || !(struct.content instanceof Y.ContentString)) return "?";
        return struct.content.str.slice(range.from - struct.id.clock, range.to - struct.id.clock);
      });
    expect(text).toEqual(["bc", "de"]);
    expect(second.after).toEqual({ client, clock: (first.ranges[0]?.to ?? 0) - 1 });
  });
});
