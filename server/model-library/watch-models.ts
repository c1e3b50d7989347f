import { stat } from "node:fs/promises";
import { join } from "node:path";
import { repeat } from "../jobs/repeat.ts";
import type { Logger } from "../observability/logger.ts";
import { readManifest } from "./manifest.ts";

export interface WatchModelsOptions {
  modelsDir: string;
  /** Takes in what is there now; one that throws is called again. */
  refresh: () => void;
  logger: Logger;
}

const lookEveryMs = 2_000;

/** Notices within seconds what another process did with the models, the command line for one. */
export function watchModels({ modelsDir, refresh, logger }: WatchModelsOptions): {
  close(): Promise<void>;
} {
  let seen: string | undefined;
  return repeat(
    async () => {
      const now = await fingerprint(modelsDir);
      if (now === seen) return;
      refresh();
      // Only now: what could not be taken in is not seen.
      seen = now;
    },
    { name: "look at the models", everyMs: lookEveryMs, logger },
  );
}

/** Another one for another manifest, and for a model that took another's name. */
async function fingerprint(modelsDir: string): Promise<string> {
  const manifest = readManifest(modelsDir);
  const cards = manifest.models.map(async (id) => {
    const found = await stat(join(modelsDir, id, "card.json")).catch(() => undefined);
    return found && [found.ino, found.size, found.mtimeMs];
  });
  return JSON.stringify([manifest, await Promise.all(cards)]);
}
