import { useMemo, useState } from "react";
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

/**
 * A live run's own sampling; without one the last run's, with what was changed since. The same object
 * until one of that is another: the controls are many, and drawn again with it.
 */
export function useSamplingChoice(
  { run, tune }: Pick<DocumentLive, "run" | "tune">,
  editable: boolean,
): SamplingChoice {
  const [changes, setChanges] = useState<Changes>({ sinceRun: run?.id, fields: {} });
  const runLives = run !== null && isLive(run.state);
  const id = run?.id;
  const ofRun = run?.sampling;
  return useMemo(() => {
    const fields = changes.sinceRun === id ? changes.fields : {};
    const values: ChosenSampling =
      runLives && ofRun !== undefined
        ? ofRun
        : { ...defaultSampling, ...ofRun, seed: null, ...fields };
    return {
      values,
      editable,
      change: async (input) => {
        if (runLives) await tune(withoutOpenSeed(input));
        else setChanges({ sinceRun: id, fields: { ...fields, ...input } });
      },
      forStart: () => withoutOpenSeed(values),
    };
  }, [changes, id, ofRun, runLives, editable, tune]);
}

function withoutOpenSeed({ seed, ...rest }: Partial<ChosenSampling>): SamplingInput {
  return seed === null || seed === undefined ? rest : { ...rest, seed };
}
