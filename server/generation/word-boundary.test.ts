import { describe, expect, it } from "vitest";
import { isWordBoundary } from "./word-boundary.ts";

function boundaries(text: string): string {
  let marked = "";
  for (let offset = 0; offset < text.length; offset++) {
    if (offset > 0 && isWordBoundary(text, offset)) marked += "|";
    marked += text[offset];
  }
  return marked;
}

describe("a word boundary", () => {
  it("lies where the pre-tokenizer splits whatever stands on the other side", () => {
    expect(boundaries("The old king, 3rd of")).toBe("The| old| king|,| 3|rd| of");
    expect(boundaries("one\ntwo")).toBe("one|\n|two");
  });

  it("is never inside white space, around an apostrophe, or in a surrogate pair", () => {
    expect(boundaries("a  b")).toBe("a|  b");
    expect(boundaries("it's")).toBe("it's");
    expect(boundaries("🦊🦊")).toBe("🦊🦊");
  });
});
