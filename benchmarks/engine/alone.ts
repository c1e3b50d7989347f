import { atMost, median, percentile, type Row } from "../report.ts";
import type { Wish, Written } from "./contestant.ts";
import type { RemoteContestant } from "./remote-contestant.ts";
import { promptOf, ragged } from "./side-by-side.ts";

const usual: Wish = { sampling: "usual", alternatives: 0 };
const endlessTokens = 3_000;
/** What fits into a context behind the endless run's first prompt. */
const tokensInWindow = 900;

interface AloneOptions {
  ours: RemoteContestant;
  /** Writes for as long as its window lasts: how evenly anybody gets on here. */
  peer: RemoteContestant | undefined;
  vocabulary: number;
  progress: (what: string) => void;
}

/** What has no like among the peers, measured of our engine alone, with the sampling that runs begin with. */
export async function measureOursAlone(options: AloneOptions): Promise<Row[]> {
  const { ours, vocabulary, progress } = options;
  progress("eight documents that stream");
  const streams = await measureStreams(ours, vocabulary);
  progress("what alternatives cost");
  const alternatives = await measureAlternatives(ours, vocabulary);
  progress(`a run of ${endlessTokens} tokens`);
  const endless = await measureEndless(options);
  progress("a worker that is killed");
  return [streams, ...alternatives, ...endless, ...(await measureCrash(ours))];
}

async function measureStreams(ours: RemoteContestant, vocabulary: number): Promise<Row> {
  await ours.forget();
  const writings = ragged.slice(0, 8).map((length, document) => ({
    document,
    prompt: promptOf(Math.min(length, 400), 2000 + document, vocabulary),
  }));
  const { eventLoopMs } = await ours.write(writings, 150, usual, { watchesLoop: true });
  return atMost("int8: event loop p99 while 8 documents stream", "ms", eventLoopMs, 10);
}

const turns = 8;

async function measureAlternatives(ours: RemoteContestant, vocabulary: number): Promise<Row[]> {
  await ours.forget();
  const writing = { document: 0, prompt: promptOf(256, 3000, vocabulary) };
  const without: number[] = [];
  const withThem: number[] = [];
  const measure = async (alternatives: number, gaps: number[]) => {
    const { documents } = await ours.write([writing], 33, { ...usual, alternatives });
    gaps.push(...gapsOf(documents[0]));
  };
  for (let turn = 0; turn < turns; turn++) {
    await measure(0, without);
    await measure(10, withThem);
  }
  const share = 100 * (median(withThem) / median(without) - 1);
  return [
    atMost("int8: one token at 256, usual sampling", "ms", median(without), 9.5),
    atMost("int8: what 10 alternatives add to a token", "%", share, 5),
  ];
}

async function measureEndless({ ours, peer, vocabulary }: AloneOptions): Promise<Row[]> {
  const prompt = promptOf(100, 4000, vocabulary);
  const gaps = new Map<RemoteContestant, number[]>();
  for (const contestant of [ours, peer]) {
    if (contestant === undefined) continue;
    await contestant.forget();
    const count = contestant === ours ? endlessTokens : tokensInWindow;
    const { documents } = await contestant.write([{ document: 0, prompt }], count, usual);
    gaps.set(contestant, gapsOf(documents[0]));
  }
  const what = `int8: ${endlessTokens} tokens without end`;
  const withPeer = (row: Row, read: (all: readonly number[]) => number): Row =>
    peer === undefined ? row : { ...row, peers: { [peer.name]: read(gaps.get(peer) ?? []) } };
  const own = gaps.get(ours) ?? [];
  const largest = (all: readonly number[]) => percentile(all, 1);
  const ratio = (name: string, share: number) => {
    const read = (all: readonly number[]) => percentile(all, share) / median(all);
    return withPeer(atMost(`${what}, gap, ${name} to median`, "×", read(own), 3), read);
  };
  const longest = { what: `${what}, largest gap`, unit: "ms", ours: largest(own) };
  return [
    ratio("largest", 1),
    ratio("p99.9", 0.999),
    withPeer({ ...longest, target: "–", holds: true }, largest),
  ];
}

async function measureCrash(ours: RemoteContestant): Promise<Row[]> {
  await ours.forget();
  const { knownMs, backMs } = await ours.crash();
  return [
    atMost("int8: worker killed → its runs know", "ms", knownMs, 1_000),
    atMost("int8: worker killed → next token of another run", "ms", backMs, 10_000),
  ];
}

function gapsOf(written: Written | undefined): number[] {
  const { times } = written ?? { times: [] };
  return times.slice(1).map((time, i) => time - (times[i] ?? 0));
}
