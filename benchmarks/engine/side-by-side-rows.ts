import { atLeast, atMost, median, type Row } from "../report.ts";
import type { ContestantName } from "./contestant.ts";
import { crowds, pasts, type Samples } from "./side-by-side.ts";

type Measured = ReadonlyMap<ContestantName, Samples>;

/** One of ours and the peers that compute with as many bits. */
interface Class {
  label: string;
  ours: ContestantName;
  peers: readonly ContestantName[];
  targets: Targets;
}

/** Limits of INFERENCE's table; where it has none, being ahead of each peer is the target. */
interface Targets {
  decode: Partial<Record<number, number>>;
  prefill: Partial<Record<number, number>>;
  rate: Partial<Record<number, number>>;
  edit: number;
}

const classes: readonly Class[] = [
  {
    label: "int8",
    ours: "ours-int8",
    peers: ["llama.cpp q8_0", "llama.cpp q4_0", "transformers.js q8"],
    targets: {
      decode: { 256: 9.5, 900: 12.5 },
      prefill: { 256: 145, 900: 680 },
      rate: { 8: 300, 16: 350 },
      edit: 85,
    },
  },
  {
    label: "fp32",
    ours: "ours-fp32",
    peers: ["llama.cpp f32", "transformers.js fp32"],
    targets: {
      decode: { 256: 25, 900: 28 },
      prefill: { 256: 270, 900: 1100 },
      rate: { 8: 180, 16: 240 },
      edit: 140,
    },
  },
];

/** The rows that ours and the peers share. */
export function sideBySideRows(measured: Measured): Row[] {
  return classes.flatMap((each) => rowsOfClass(each, measured));
}

function rowsOfClass(each: Class, measured: Measured): Row[] {
  const { label, targets } = each;
  const lower = (what: string, read: (samples: Samples) => number, limit?: number) =>
    compare({
      each,
      measured,
      what: `${label}: ${what}`,
      unit: "ms",
      read,
      limit,
      better: "lower",
    });
  const higher = (what: string, read: (samples: Samples) => number, limit?: number) =>
    compare({
      each,
      measured,
      what: `${label}: ${what}`,
      unit: "tokens/s",
      read,
      limit,
      better: "higher",
    });
  return [
    ...pasts.map((past) =>
      lower(`one token at ${past} before it`, (s) => median(s.decode[past]), targets.decode[past]),
    ),
    ...pasts.map((past) =>
      lower(
        `first token of a new prompt of ${past}`,
        (s) => median(s.prefill[past]),
        targets.prefill[past],
      ),
    ),
    lower("first token after an edit at 800 of 900", (s) => median(s.edit), targets.edit),
    ...crowds.map((crowd) =>
      higher(
        `${crowd} ragged ${crowd === 1 ? "document" : "documents"}, in all`,
        (s) => median(s.rate[crowd]),
        targets.rate[crowd],
      ),
    ),
    compare({
      each,
      measured,
      what: `${label}: memory for each of 16 documents (352 tokens on average)`,
      unit: "MB",
      read: (samples) => samples.memory ?? Number.NaN,
      limit: undefined,
      better: "lower",
    }),
  ];
}

interface Comparison {
  each: Class;
  measured: Measured;
  what: string;
  unit: string;
  read: (samples: Samples) => number;
  limit: number | undefined;
  better: "lower" | "higher";
}

function compare({ each, measured, what, unit, read, limit, better }: Comparison): Row {
  const valueOf = (name: ContestantName) => {
    const samples = measured.get(name);
    return samples === undefined ? Number.NaN : read(samples);
  };
  const peers: Record<string, number> = {};
  for (const name of each.peers) {
    const value = valueOf(name);
    if (Number.isFinite(value)) peers[name] = value;
  }
  const make = better === "lower" ? atMost : atLeast;
  const ours = valueOf(each.ours);
  if (limit !== undefined) return { ...make(what, unit, ours, limit), peers };
  const best = better === "lower" ? Math.min : Math.max;
  const values = Object.values(peers);
  const row = make(what, unit, ours, best(...values));
  return values.length === 0
    ? { ...row, target: "–", holds: true }
    : { ...row, peers, target: "ahead" };
}

/** The ratios that INFERENCE's table asks for, and how many rows a peer leads. */
export function summaryRows(measured: Measured, rows: readonly Row[]): Row[] {
  const value = (name: ContestantName, read: (samples: Samples) => number) => {
    const samples = measured.get(name);
    return samples === undefined ? Number.NaN : read(samples);
  };
  const slower = value("transformers.js q8", (s) => median(s.decode[900]));
  const fewer = value("llama.cpp q8_0", (s) => median(s.rate[8]));
  const exact = (["llama.cpp f32", "transformers.js fp32"] as const).filter(
    (name) => measured.get(name)?.first.join() === measured.get("ours-fp32")?.first.join(),
  );
  return [
    atLeast("peers with 32 bits that write the same first tokens", "peers", exact.length, 2),
    atLeast(
      "int8 at 900 against transformers.js q8",
      "×",
      slower / value("ours-int8", (s) => median(s.decode[900])),
      4,
    ),
    atLeast(
      "int8, 8 documents, against llama.cpp q8_0",
      "×",
      value("ours-int8", (s) => median(s.rate[8])) / fewer,
      3,
    ),
    atMost("rows in which a peer is ahead", "rows", rows.filter(isBehind).length, 0),
  ];
}

/** With four bits there is half as much to read: that peer counts from eight documents on. */
export function isBehind({ what, unit, ours, peers = {} }: Row): boolean {
  return Object.entries(peers).some(([peer, theirs]) => {
    if (peer.endsWith("q4_0") && !/\b(8|16) ragged/.test(what)) return false;
    return unit === "tokens/s" ? theirs > ours : theirs < ours;
  });
}
