const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** "just now", "5 minutes ago", "yesterday", and a date after a week. Times are ISO 8601. */
export function relativeTime(time: string, nowMs: number): string {
  const elapsedMs = nowMs - Date.parse(time);
  if (elapsedMs < minuteMs) return "just now";
  const ago = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  if (elapsedMs < hourMs) return ago.format(-Math.floor(elapsedMs / minuteMs), "minute");
  if (elapsedMs < dayMs) return ago.format(-Math.floor(elapsedMs / hourMs), "hour");
  if (elapsedMs < 7 * dayMs) return ago.format(-Math.floor(elapsedMs / dayMs), "day");
  return new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" }).format(
    Date.parse(time),
  );
}
