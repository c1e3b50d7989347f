import { useState } from "react";
import { isLive } from "#shared/run.ts";
import { defaultSampling, type Sampling, type SamplingInput } from "#shared/sampling.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";

/** What the person has chosen for the model; a seed of null is drawn anew for each run. */
export type ChosenSampling = Omit<Sampling, "seed"> & { seed: number | null };

export interface SamplingChoice {
  values: ChosenSampling;
  /** Whether this person may change anything. */
  editable: boolean;
  /**
   * Changes the run that lives, from its next token on; else what the next Start sends. Resolves
   * once `values` say what counts.
   */
  change: (input: Partial<ChosenSampling>) => Promise<void>;
  /** What a Start sends. */
  forStart: () => SamplingInput;
}

/** What was changed since the last run, for the next one. */
interface Changes {
  sinceRun: string | undefined;
  fields: Partial<ChosenSampling>;
}

/** A live run's own sampling; without one the last run's, with what was changed since. */
export function useSamplingChoice(live: DocumentLive, editable: boolean): SamplingChoice {
  const { run } = live;
  const [changes, setChanges] = useState<Changes>({ sinceRun: run?.id, fields: {} });
  const fields = changes.sinceRun === run?.id ? changes.fields : {};
  const runLives = run !== null && isLive(run.state);
  const values: ChosenSampling = runLives
    ? run.sampling
    : { ...defaultSampling, ...run?.sampling, seed: null, ...fields };
  return {
    values,
    editable,
    change: async (input) => {
      if (runLives) await live.tune(withoutOpenSeed(input));
      else setChanges({ sinceRun: run?.id, fields: { ...fields, ...input } });
    },
    forStart: () => withoutOpenSeed(values),
  };
}

function withoutOpenSeed({ seed, ...rest }: Partial<ChosenSampling>): SamplingInput {
  return seed === null || seed === undefined ? rest : { ...rest, seed };
}
