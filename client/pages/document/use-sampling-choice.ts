import { useEffect, useState } from "react";
import { isLive } from "#shared/run.ts";
import { defaultSampling, type Sampling, type SamplingInput } from "#shared/sampling.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";

/** What the person has chosen for the model; a seed of null is drawn anew for each run. */
export type ChosenSampling = Omit<Sampling, "seed"> & { seed: number | null };

export interface SamplingChoice {
  values: ChosenSampling;
  /** Whether this person may change anything. */
  editable: boolean;
  /** Changes the run that lives, from its next token on; else what the next Start sends. */
  change(input: Partial<ChosenSampling>): void;
  /** What a Start sends. */
  forStart(): SamplingInput;
}

/** A live run's own sampling; without one the last run's, with what was changed since. */
export function useSamplingChoice(live: DocumentLive, editable: boolean): SamplingChoice {
  const [changes, setChanges] = useState<Partial<ChosenSampling>>({});
  const { run } = live;
  const runLives = run !== null && isLive(run.state);
  const runId = run?.id;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new run carries its own choice
  useEffect(() => setChanges((before) => ({ seed: before.seed ?? null })), [runId]);
  const values: ChosenSampling =
    run !== null && runLives
      ? run.sampling
      : { ...defaultSampling, ...run?.sampling, seed: null, ...changes };
  return {
    values,
    editable,
    change: (input) => {
      if (!runLives) setChanges((before) => ({ ...before, ...input }));
      else void live.tune(withoutOpenSeed(input));
    },
    forStart: () => withoutOpenSeed(values),
  };
}

function withoutOpenSeed({ seed, ...rest }: Partial<ChosenSampling>): SamplingInput {
  return seed === null || seed === undefined ? rest : { ...rest, seed };
}
