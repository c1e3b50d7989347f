import { measureOursAlone } from "./engine/alone.ts";
import { type ContestantName, contestantNames } from "./engine/contestant.ts";
import { boundRows } from "./engine/memory-bound.ts";
import { peersAreInstalled, prepareModel } from "./engine/model-files.ts";
import { RemoteContestant } from "./engine/remote-contestant.ts";
import { measureSideBySide, ragged } from "./engine/side-by-side.ts";
import { sideBySideRows, summaryRows } from "./engine/side-by-side-rows.ts";
import { measureTales } from "./engine/tales.ts";
import { randomModelShapes } from "./random-model.ts";
import { machine, type Report, type Row } from "./report.ts";

const shape = "gpt2";
const { vocabulary } = randomModelShapes[shape];
const threads = 2;

/**
 * GPT-2 small's shape with random weights, ours and the peers side by side in one run, then what is
 * ours alone, and the small model that ships. Each contestant has a process of its own.
 */
export async function run({ full }: { full: boolean }): Promise<Report> {
  const withPeers = peersAreInstalled();
  if (!withPeers) {
    progress("The peers are not installed; ours is measured alone. To install them, once:");
    progress("  npm ci --prefix benchmarks/peers");
  }
  const names = contestantNames.filter((name) => withPeers || name.startsWith("ours"));
  const contestants = await startAll(names);
  try {
    const rounds = full ? 7 : 3;
    const measured = await measureSideBySide({ contestants, vocabulary, rounds, progress });
    const compared = sideBySideRows(measured);
    const rows: Row[] = [...compared];
    if (withPeers) rows.push(...summaryRows(measured, compared));
    progress("memory bandwidth");
    rows.push(...(await boundRows(measured, threads)));
    const [ours] = contestants;
    const peer = contestants.find(({ name }) => name === "llama.cpp q8_0");
    if (ours !== undefined)
      rows.push(...(await measureOursAlone({ ours, peer, vocabulary, progress })));
    await Promise.all(contestants.map((contestant) => contestant.close()));
    progress("the model that ships");
    rows.push(...(await measureTales()));
    return { bench: "engine", machine: machine(), rows };
  } finally {
    await Promise.all(contestants.map((contestant) => contestant.close()));
  }
}

async function startAll(names: readonly ContestantName[]): Promise<RemoteContestant[]> {
  const started: RemoteContestant[] = [];
  try {
    for (const name of names) {
      progress(`${name}: loading`);
      const model = await prepareModel(name, shape);
      const settings = { name, model, threads, places: ragged.length };
      started.push(await RemoteContestant.start(settings));
    }
    return started;
  } catch (error) {
    await Promise.all(started.map((contestant) => contestant.close()));
    throw error;
  }
}

/** On the other stream than the report, whose last line is for machines. */
function progress(what: string): void {
  console.error(`${Math.round(performance.now() / 1000)} s  ${what}`);
}
