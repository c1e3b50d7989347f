import type { AdminModel, ModelCheck, ModelJob, ModelJobStep } from "#shared/models.ts";
import { inBytes } from "./in-bytes.ts";

/** "124 M", "1.6 B" parameters. */
export function inParameters(count: number): string {
  if (count < 1e6) return `${Math.round(count / 1e3)} k`;
  return count >= 1e9
    ? `${(count / 1e9).toFixed(1)} B`
    : `${Number((count / 1e6).toPrecision(3))} M`;
}

/** What a precision is called, beside its short name. */
const precisionWords: Readonly<Record<string, string>> = {
  fp32: "32-bit",
  int8: "8-bit",
  "int8-block32": "8-bit in blocks",
  remote: "as that machine has it",
};

export function describePrecision(precision: string): string {
  return precisionWords[precision] ?? precision;
}

/** Up to which mean divergence (nats a token) the words are used; found by reading both side by side. */
const closeness = [
  { upTo: 1e-3, words: "indistinguishable from the original" },
  { upTo: 1e-2, words: "very close to the original" },
  { upTo: 5e-2, words: "close to the original" },
] as const;

/** How near a model's words are to its publisher's, and the number behind it. */
export function describeQuality({
  quality,
  precision,
}: Pick<AdminModel, "quality" | "precision">): string {
  if (quality === null) return precision === "fp32" ? "the original's own numbers" : "not measured";
  const near = closeness.find(({ upTo }) => quality.meanKl <= upTo);
  const words = near?.words ?? "noticeably different from the original";
  return `${words}: mean KL ${inShort(quality.meanKl)}`;
}

function inShort(value: number): string {
  return value === 0 || value >= 0.1
    ? String(Number(value.toPrecision(2)))
    : value.toExponential(1);
}

/** Of a model that nobody can write with: the server's sentence says why, and what to do. */
export function describeUnusable({
  problem,
  default: isDefault,
}: Pick<AdminModel, "problem" | "default">): string {
  const first = isDefault ? " It is the default: make another one the default first." : "";
  return `It cannot be used; the other models write on. ${problem}${first}`;
}

/** Who holds it now, and whether it is away. */
export function describeUse({
  liveRuns,
  inUse,
  available,
  problem,
}: Pick<AdminModel, "liveRuns" | "inUse" | "available" | "problem">): string {
  const runs = liveRuns === 1 ? "1 run" : `${liveRuns} runs`;
  const use = liveRuns === 0 ? (inUse === 0 ? "" : "loaded") : runs;
  if (available || problem !== null) return use;
  return liveRuns === 0 ? "its engine is away" : `${use}; its engine is away`;
}

const stepWords: { readonly [step in ModelJobStep]: string } = {
  asking: "Asking the hub",
  downloading: "Downloading",
  verifying: "Verifying",
  checking: "Checking",
  converting: "Converting",
  measuring: "Measuring how close it is to the original",
  finishing: "Finishing",
};

/** What is being done, and how far it is. */
export function describeJob({ state, step, done, total, bytesPerSecond }: ModelJob): string {
  switch (state) {
    case "queued":
      return "Waiting for the one before it";
    case "stopped":
      return "Stopped. What has come is kept";
    case "failed":
      return "Not added";
    case "running":
      break;
    default:
      return state satisfies never;
  }
  if (step !== "downloading" || total === 0) return stepWords[step];
  const bytes = `${stepWords[step]}, ${inBytes(done)} of ${inBytes(total)}`;
  if (bytesPerSecond === null || bytesPerSecond < 1) return bytes;
  const left = inTime((total - done) / bytesPerSecond);
  return `${bytes}, ${inBytes(bytesPerSecond)}/s, ${left} left`;
}

function inTime(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** What a look at a model's files found, and what to do. */
export function describeModelCheck({ files, damaged }: ModelCheck): string {
  if (files === 0)
    return "An earlier version imported it and kept nothing to compare with. Remove it and add it again to have it checked.";
  if (damaged.length === 0) return `Whole: all ${files} files are as they were imported.`;
  const list = damaged.map(({ file, problem }) => `${file}: ${problem}`).join("; ");
  return `Damaged. ${list}. Remove it and add it again.`;
}
