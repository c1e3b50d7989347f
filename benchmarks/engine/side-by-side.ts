import type { ContestantName, Writing, Written } from "./contestant.ts";
import type { RemoteContestant } from "./remote-contestant.ts";

/** Tokens before the one that is measured. */
export const pasts = [32, 256, 900] as const;
export type Past = (typeof pasts)[number];
/** How many documents are written at once. */
export const crowds = [1, 2, 4, 8, 16] as const;
export type Crowd = (typeof crowds)[number];
/** How long the prompts of those documents are: the first `crowd` of these. */
export const ragged = [
  37, 301, 899, 120, 640, 15, 512, 256, 77, 410, 950, 200, 333, 700, 60, 128,
] as const;

/** All that was measured of one contestant; each list has one sample a round, rates in every second. */
export interface Samples {
  /** Milliseconds of one token. */
  decode: Record<Past, number[]>;
  /** Milliseconds from a new prompt to its first token. */
  prefill: Record<Past, number[]>;
  /** Milliseconds from a change at 800 of 900 tokens to the next token. */
  edit: number[];
  /** Tokens a second of all documents together. */
  rate: Record<Crowd, number[]>;
  /** Megabytes for each document of `ragged`; none where nothing is kept between calls. */
  memory: number | undefined;
  /** The first tokens after the longest prompt: the same for all that compute with 32-bit floats. */
  first: number[];
}

export interface SideBySideOptions {
  contestants: readonly RemoteContestant[];
  vocabulary: number;
  rounds: number;
  /** Told what is being done, for whoever waits. */
  progress: (what: string) => void;
}

const tokensAtPast = 13;
const tokensOfCrowd = 20;
/** A document of its own; the ragged ones are numbered from 0. */
const alone = -1;
const editedAt = 800;

/** Measures all contestants in turn, round after round, so that a slow minute of the machine falls on all. */
export async function measureSideBySide(
  options: SideBySideOptions,
): Promise<Map<ContestantName, Samples>> {
  const { contestants, rounds, progress } = options;
  const samples = new Map(contestants.map(({ name }) => [name, noSamples()]));
  // A runtime plans its memory when it first computes.
  for (const contestant of contestants) {
    progress(`${contestant.name}: first tokens`);
    await wake(contestant, options.vocabulary);
  }
  for (let round = 0; round < rounds; round++) {
    for (const contestant of turned(contestants, round)) {
      progress(`round ${round + 1} of ${rounds}: ${contestant.name}, one document`);
      await measureAlone(contestant, options, round, samplesOf(samples, contestant));
    }
  }
  const crowdRounds = Math.ceil(rounds / 2);
  for (let round = 0; round < crowdRounds; round++) {
    for (const contestant of turned(contestants, round)) {
      if (round > 0 && writesOneAfterAnother(contestant)) continue;
      progress(`round ${round + 1} of ${crowdRounds}: ${contestant.name}, several documents`);
      await wake(contestant, options.vocabulary);
      await measureCrowds(contestant, options, samplesOf(samples, contestant));
    }
  }
  return samples;
}

async function measureAlone(
  contestant: RemoteContestant,
  { vocabulary }: SideBySideOptions,
  round: number,
  samples: Samples,
): Promise<void> {
  await wake(contestant, vocabulary);
  for (const past of pasts) {
    const prompt = promptOf(past, 1 + round * pasts.length + pasts.indexOf(past), vocabulary);
    const written = await writeOne(contestant, { document: alone, prompt }, tokensAtPast);
    samples.prefill[past].push(written.times[0] ?? Number.NaN);
    samples.decode[past].push(medianGap(written));
    if (past !== 900) continue;
    if (round === 0) samples.first = written.ids.slice(0, 4);
    const changed = prompt.with(editedAt, (prompt[editedAt] ?? 0) + 1);
    const next = await writeOne(contestant, { document: alone, prompt: changed }, 1);
    samples.edit.push(next.times[0] ?? Number.NaN);
  }
}

/** Has it compute once: while the others had their turn, the system may have put its pages away. */
async function wake(contestant: RemoteContestant, vocabulary: number): Promise<void> {
  await writeOne(contestant, { document: alone, prompt: promptOf(pasts[1], 0, vocabulary) }, 4);
}

async function measureCrowds(
  contestant: RemoteContestant,
  { vocabulary }: SideBySideOptions,
  samples: Samples,
): Promise<void> {
  const writings = ragged.map((length, document) => ({
    document,
    prompt: promptOf(length, 1000 + document, vocabulary),
  }));
  if (writesOneAfterAnother(contestant)) {
    return measureOneAfterAnother(contestant, writings, samples);
  }
  if (samples.memory === undefined) {
    const before = contestant.memory();
    await contestant.write(writings, 1);
    samples.memory = (contestant.memory() - before) / writings.length;
  }
  for (const crowd of crowds) {
    const { documents } = await contestant.write(writings.slice(0, crowd), tokensOfCrowd);
    samples.rate[crowd].push(rateOf(documents));
  }
}

/** `generate` has its thread to itself; what it reads anew for each document takes long enough once. */
function writesOneAfterAnother({ name }: RemoteContestant): boolean {
  return name.startsWith("transformers.js");
}

/** So many documents share what one gets. */
async function measureOneAfterAnother(
  contestant: RemoteContestant,
  writings: readonly Writing[],
  samples: Samples,
): Promise<void> {
  const gaps: number[] = [];
  for (const writing of writings) gaps.push(medianGap(await writeOne(contestant, writing, 6)));
  for (const crowd of crowds) {
    const total = gaps.slice(0, crowd).reduce((sum, gap) => sum + gap, 0);
    samples.rate[crowd].push((1000 * crowd) / total);
  }
}

async function writeOne(
  contestant: RemoteContestant,
  writing: Writing,
  count: number,
): Promise<Written> {
  const { documents } = await contestant.write([writing], count);
  const [written] = documents;
  if (written?.times.length !== count) throw new Error(`${contestant.name} stopped too early.`);
  return written;
}

function medianGap({ times }: Written): number {
  const gaps = times
    .slice(1)
    .map((time, i) => time - (times[i] ?? 0))
    .sort((a, b) => a - b);
  return gaps[Math.floor(gaps.length / 2)] ?? Number.NaN;
}

/** Counted while all of them stream: after the last has begun and before the first has ended. */
function rateOf(documents: readonly Written[]): number {
  const from = Math.max(...documents.map(({ times }) => times[0] ?? 0));
  const to = Math.min(...documents.map(({ times }) => times.at(-1) ?? 0));
  const counted = documents.flatMap(({ times }) =>
    times.filter((time) => time > from && time <= to),
  );
  return (1000 * counted.length) / (to - from);
}

/** Tokens that no two prompts begin alike with; none is the last id, which ends a text. */
export function promptOf(length: number, seed: number, vocabulary: number): number[] {
  const step = (i: number) => (i * 7919 + seed * 104_729) % (vocabulary - 400);
  return Array.from({ length }, (_, i) => 300 + step(i));
}

function turned<T>(items: readonly T[], by: number): T[] {
  const start = by % Math.max(1, items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}

function noSamples(): Samples {
  return {
    decode: { 32: [], 256: [], 900: [] },
    prefill: { 32: [], 256: [], 900: [] },
    edit: [],
    rate: { 1: [], 2: [], 4: [], 8: [], 16: [] },
    memory: undefined,
    first: [],
  };
}

function samplesOf(
  samples: ReadonlyMap<ContestantName, Samples>,
  { name }: RemoteContestant,
): Samples {
  const found = samples.get(name);
  if (found === undefined) throw new Error(`${name} takes no part.`);
  return found;
}
