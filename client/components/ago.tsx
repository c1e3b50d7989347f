import { useEffect, useState } from "react";
import { relativeTime } from "./relative-time.ts";

const refreshMs = 30_000;

/** How long ago `time` was, kept true while it is shown. */
export function Ago({ time }: { time: string }) {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), refreshMs);
    return () => clearInterval(timer);
  }, []);
  return <time dateTime={time}>{relativeTime(time, nowMs)}</time>;
}
