import { constants, setPriority } from "node:os";
import { loadLanguageModel } from "../inference/language-model.ts";
import { readModelCard } from "../inference/model-card.ts";
import { openRuntime } from "../inference/open-runtime.ts";
import { loadTokenizer } from "../inference/tokenizer.ts";
import { measureQuality, readCalibration } from "./measure-quality.ts";
import { measuredSlots, measureSpeed } from "./measure-speed.ts";
import { type Measurement, type MeasureReport, measureSettingsSchema } from "./measurement.ts";

/** A process of its own: a model that breaks native code, or takes all memory, ends nothing else. */
async function serve(): Promise<void> {
  process.once("disconnect", () => process.exit());
  setPriority(constants.priority.PRIORITY_LOW);
  try {
    report({ type: "measured", measurement: await measure() });
  } catch (error) {
    report({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
  process.disconnect();
}

async function measure(): Promise<Measurement> {
  const { folder, reference } = measureSettingsSchema.parse(JSON.parse(process.argv[2] ?? "null"));
  const card = readModelCard(folder);
  const tokenizer = await loadTokenizer(folder, card.endOfTextId);
  const tokens = await readCalibration(tokenizer, card.vocabularySize);
  const graphs = card.graphs.filter(({ slots }) => measuredSlots.includes(slots));
  const { runtime } = await openRuntime();
  const model = await loadLanguageModel({ folder, card: { ...card, graphs }, runtime });
  await model.complete;
  const onProgress = (done: number) => report({ type: "progress", done, total: tokens.length });
  try {
    const quality =
      reference === null || tokens.length === 0
        ? undefined
        : await measureQuality({ model, card, tokens, reference, onProgress });
    const speed = await measureSpeed(model, card);
    return { ...(quality === undefined ? {} : { quality }), speed };
  } finally {
    await model.release();
  }
}

function report(message: MeasureReport): void {
  if (process.connected) process.send?.(message);
}

await serve();
