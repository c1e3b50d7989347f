import type { StopPlace } from "#shared/sampling.ts";

/** Where a sentence or a paragraph ends in a text that still grows, in UTF-16 units. */
export interface TextEnd {
  /** The first end for sure; undefined: none yet. */
  end: number | undefined;
  /** An end if what comes shows that the sentence is over: none for sure lies before it. */
  possible: number | undefined;
}

/**
 * Finds the first end at `from` or after it. The white space after an end is not part of it, quotes
 * and brackets that close are; a line break ends a sentence too.
 */
export function findTextEnd(text: string, place: StopPlace, from: number): TextEnd {
  if (place === "paragraph") return { end: endOfParagraph(text, from), possible: undefined };
  for (const boundary of boundariesOf(text)) {
    const end = text.slice(0, boundary).trimEnd().length;
    if (end < from || end === 0) continue;
    const verdict = judge(text, end);
    if (verdict === "end") return { end, possible: undefined };
    if (verdict === "open") return { end: undefined, possible: end };
  }
  return { end: undefined, possible: undefined };
}

function endOfParagraph(text: string, from: number): number | undefined {
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
    const end = text.slice(0, at).trimEnd().length;
    if (end >= from && end > 0) return end;
  }
  return undefined;
}

/** Where a sentence may end: line breaks, and after stops with all that closes after them. */
const stops = /\n|[.!?…‥]+["'”’»›)\]]*|[。！？｡．]+["'”’»›)\]」』）】]*/gu;

function* boundariesOf(text: string): Generator<number, undefined> {
  for (const { index, 0: stop } of text.matchAll(stops)) {
    yield stop === "\n" ? index : index + stop.length;
  }
  return undefined;
}

function judge(text: string, end: number): "end" | "open" | "no" {
  const after = text.slice(end);
  if (/^[ \t]*\n/u.test(after)) return "end";
  const before = text.slice(0, end);
  const isIdeographic = /[。！？｡．]["'”’»›)\]」』）】]*$/u.test(before);
  if (isIdeographic) return after === "" ? "open" : "end";
  // What touches the stop goes on with it: 3.14, example.org, or more that closes.
  if (after !== "" && !/^\s/u.test(after)) return "no";
  if (isAbbreviated(before)) return "no";
  const next = /[\p{L}\p{N}]/u.exec(after)?.[0];
  if (next === undefined) return "open";
  return /\p{Ll}/u.test(next) ? "no" : "end";
}

/** Words whose full stop is theirs, also where a capital follows. */
const titles = new Set(
  "mr mrs ms mx dr prof st sr jr fr rev hon gen col maj capt cpt lt sgt cmdr adm gov sen rep pres vs no nos vol pp fig mt messrs mme mlle".split(
    " ",
  ),
);

/** After a title, an initial (J. R. Smith), letters with stops between them (e.g.), a list's number. */
function isAbbreviated(before: string): boolean {
  if (!before.endsWith(".") || before.endsWith("..")) return false;
  const word = /[^\s("'“‘«[]*$/u.exec(before.slice(0, -1))?.[0] ?? "";
  if (titles.has(word.toLowerCase())) return true;
  if (/^\p{Lu}$/u.test(word)) return word !== "I";
  if (/^\p{L}(?:\.\p{L})+$/u.test(word)) return !/^[ap]\.m$/iu.test(word);
  return /^\d{1,3}$/u.test(word) && /(?:^|\n)\s*\d+\.$/u.test(before);
}
