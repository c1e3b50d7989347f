import { useLocalStorage } from "@mantine/hooks";
import type { DocumentAction } from "#shared/permissions.ts";
import type { ManuscriptControls } from "../../editor/manuscript-editor.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";
import type { ModelChoice } from "./use-model-choice.ts";
import type { SamplingChoice } from "./use-sampling-choice.ts";

export type StartPlace = "end" | "caret";

/** What the dock's pill does now. */
export interface MainAction {
  name: "Start" | "Pause" | "Resume";
  act: () => void;
}

/** What this person may do to the run now; what is undefined has no button. */
export interface RunActions {
  main: MainAction | undefined;
  stop: (() => void) | undefined;
  startPlace: StartPlace;
  setStartPlace: (place: StartPlace) => void;
}

interface RunActionsOptions {
  live: DocumentLive;
  may: (action: DocumentAction) => boolean;
  sampling: SamplingChoice;
  model: ModelChoice;
  controls: { readonly current: ManuscriptControls | null };
}

/** Start, Pause, Resume and Stop, as the run's state and the person's rights have it. */
export function useRunActions(options: RunActionsOptions): RunActions {
  const { live, may, sampling, model, controls } = options;
  const [startPlace, setStartPlace] = useLocalStorage<StartPlace>({
    key: "palimpsest:start-place",
    defaultValue: "end",
    getInitialValueInEffect: false,
  });
  const start = () => {
    const caret = startPlace === "caret" ? controls.current?.caretPosition() : null;
    const place = caret ? ({ at: "caret", caret } as const) : ({ at: "end" } as const);
    const id = model.forStart();
    const withModel = id === undefined ? {} : { model: id };
    void live.start({ ...place, ...withModel, sampling: sampling.forStart() });
    // Whoever starts it wants to see what comes; scrolling or writing ends the following.
    controls.current?.setFollow(true);
  };
  return {
    main: mainAction(live, may, start),
    stop: stopAction(live, may),
    startPlace,
    setStartPlace,
  };
}

function mainAction(
  live: DocumentLive,
  may: RunActionsOptions["may"],
  start: () => void,
): MainAction | undefined {
  const state = live.run?.state;
  switch (state) {
    case "queued":
    case "streaming":
      return may("steer") ? { name: "Pause", act: () => void live.pause() } : undefined;
    case "paused":
      return may("steer") ? { name: "Resume", act: () => void live.resume() } : undefined;
    case "finished":
    case "stopped":
    case "failed":
    case undefined:
      return may("generate") ? { name: "Start", act: start } : undefined;
    default:
      return state satisfies never;
  }
}

function stopAction(live: DocumentLive, may: RunActionsOptions["may"]): (() => void) | undefined {
  const state = live.run?.state;
  const lives = state === "queued" || state === "streaming" || state === "paused";
  return lives && may("stop") ? () => void live.stop() : undefined;
}
