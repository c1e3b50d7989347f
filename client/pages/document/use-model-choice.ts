import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Model } from "#shared/http.ts";
import { isLive } from "#shared/run.ts";
import { modelsQuery } from "../../api/models.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";

/** Which model writes, or will with the next Start. */
export interface ModelChoice {
  /** The run's own while it lives, else the one that the next Start sends; undefined: none is known. */
  current: Model | undefined;
  /** What a reader calls it; of a model that was removed, its id. */
  name: string;
  /** All that there is to choose from. */
  all: readonly Model[];
  /** Whether this person may choose now: a run keeps its model. */
  editable: boolean;
  choose: (id: string) => void;
  /** What a Start sends; undefined: the server's default. */
  forStart: () => string | undefined;
}

const none: readonly Model[] = [];

/** The last run's model goes on, where it is still there; the default writes otherwise. */
export function useModelChoice({ run }: DocumentLive, mayGenerate: boolean): ModelChoice {
  const all = useQuery(modelsQuery).data ?? none;
  const [chosen, setChosen] = useState<{ sinceRun: string | undefined; id: string } | null>(null);
  const runLives = run !== null && isLive(run.state);
  const find = (id: string | undefined) => all.find((model) => model.id === id);
  const picked = chosen?.sinceRun === run?.id ? find(chosen?.id) : undefined;
  const next = picked ?? find(run?.model) ?? all.find((model) => model.default);
  const current = runLives ? find(run.model) : next;
  return {
    current,
    name: current?.name ?? (runLives ? run.model : "Model"),
    all,
    editable: mayGenerate && !runLives,
    choose: (id) => setChosen({ sinceRun: run?.id, id }),
    forStart: () => next?.id,
  };
}
