import type { Writable } from "node:stream";
import type { ModelJobStep } from "#shared/models.ts";
import type { AddProgress } from "../model-library/add-model.ts";
import { inBytes } from "../model-library/disk.ts";
import { Pace } from "../model-library/pace.ts";

/** One line that says how far a task is, over and over in the same place. */
export interface ProgressLine {
  show(progress: AddProgress): void;
  /** Takes the line away, and writes `text` in its place; the first call counts. */
  end(text?: string): void;
}

const everyMs = 100;
const words: { readonly [step in ModelJobStep]: string } = {
  asking: "Asking the hub",
  downloading: "Downloading",
  verifying: "Verifying",
  checking: "Checking",
  converting: "Converting",
  measuring: "Measuring",
  finishing: "Finishing",
};

/** Without a terminal each step gets a line of its own when it begins. */
export function startProgressLine(
  output: Writable & { isTTY?: boolean | undefined },
): ProgressLine {
  const pace = new Pace();
  let step: ModelJobStep | undefined;
  let shownAt = 0;
  let ended = false;
  return {
    show(progress) {
      pace.note(progress.step === "downloading" ? progress.done : undefined);
      const isNew = progress.step !== step;
      step = progress.step;
      if (output.isTTY !== true) {
        if (isNew) output.write(`${words[step]}…\n`);
        return;
      }
      if (!isNew && Date.now() - shownAt < everyMs) return;
      shownAt = Date.now();
      output.write(`\r\u001b[K${describe(progress, pace.bytesPerSecond())}`);
    },
    end(text) {
      if (ended) return;
      ended = true;
      if (output.isTTY === true && step !== undefined) output.write("\r\u001b[K");
      if (text !== undefined) output.write(`${text}\n`);
    },
  };
}

function describe({ step, done, total }: AddProgress, speed: number | null): string {
  if (total === 0) return `${words[step]}…`;
  const share = `${Math.floor((100 * done) / total)} %`;
  if (step !== "downloading") return `${words[step]}… ${share}`;
  const bytes = `${inBytes(done)} of ${inBytes(total)}`;
  if (speed === null || speed === 0) return `${words[step]}… ${share}, ${bytes}`;
  const left = Math.ceil((total - done) / speed);
  return `${words[step]}… ${share}, ${bytes}, ${inBytes(speed)}/s, ${inTime(left)} left`;
}

function inTime(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
