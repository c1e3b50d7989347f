import { expect, test } from "vitest";
import { coloursOf, personColour } from "./person-colour.ts";

const people = Array.from({ length: 8 }, (_, index) => `person${index}`);

test("the first eight people of a document have eight colours", () => {
  expect(new Set(Object.values(coloursOf(people))).size).toBe(8);
});

test("a ninth person shares a colour and still has one", () => {
  const colours = coloursOf([...people, "person8"]);
  expect(Object.values(colours)[8]).toMatch(/^var\(--person-[1-8]\)$/);
});

test("a person's colour is the document's where one is set, else always the same of the eight", () => {
  const [property] = Object.keys(coloursOf(["ana"]));
  expect(personColour("ana")).toBe(personColour("ana"));
  expect(personColour("ana")).toMatch(/^var\(--person-of-ana, var\(--person-[1-8]\)\)$/);
  expect(personColour("ana")).toContain(`var(${property},`);
});
