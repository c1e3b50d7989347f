import { expect, test } from "vitest";
import { relativeTime } from "./relative-time.ts";

const now = Date.parse("2026-03-10T12:00:00Z");

test("times grow coarser with age, and are dates after a week", () => {
  const ages = [
    "2026-03-10T11:59:30Z",
    "2026-03-10T11:55:00Z",
    "2026-03-10T10:00:00Z",
    "2026-03-09T11:00:00Z",
    "2026-03-05T12:00:00Z",
    "2026-02-01T12:00:00Z",
  ];
  expect(ages.map((time) => relativeTime(time, now))).toEqual([
    "just now",
    "5 minutes ago",
    "2 hours ago",
    "yesterday",
    "5 days ago",
    "February 1, 2026",
  ]);
});

test("a server's clock that runs ahead gives no time in the future", () => {
  expect(relativeTime("2026-03-10T12:00:05Z", now)).toBe("just now");
});
