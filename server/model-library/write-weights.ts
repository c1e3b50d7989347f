import type { Precision } from "./precision.ts";
import type { Fold } from "./quantisation.ts";
import { quantiseEmbedding, quantiseHeadBlocks, quantiseLinearBlocks } from "./quantise-blocks.ts";
import { quantiseHeadChannels, quantiseLinearChannels } from "./quantise-channels.ts";
import type { TensorReader } from "./tensor-reader.ts";
import type { WeightJob } from "./weight-jobs.ts";
import type { WeightsFile } from "./weights-file.ts";

/**
 * Writes all weights, in slices of rows: what is in memory at once is at most a quarter of the
 * largest tensor and a few slices.
 */
export async function writeWeights(
  jobs: readonly WeightJob[],
  precision: Precision,
  reader: TensorReader,
  file: WeightsFile,
): Promise<void> {
  for (const job of jobs) await writeWeight(job, precision, reader, file);
}

async function writeWeight(
  job: WeightJob,
  precision: Precision,
  reader: TensorReader,
  file: WeightsFile,
): Promise<void> {
  const byChannel = precision === "int8";
  switch (job.kind) {
    case "copy": {
      const [weight] = job.outputs;
      return file.add(weight, valuesOf(reader, weight.name));
    }
    case "embedding":
      return quantiseEmbedding(reader, file, job);
    case "linear": {
      const quantise = byChannel ? quantiseLinearChannels : quantiseLinearBlocks;
      const fold = job.norm === undefined ? undefined : await readFold(reader, job.norm);
      return quantise(reader, file, job.name, fold, job.outputs);
    }
    case "head": {
      const quantise = byChannel ? quantiseHeadChannels : quantiseHeadBlocks;
      return quantise(reader, file, job.from, await readFold(reader, job.norm), job.outputs);
    }
    default:
      return job satisfies never;
  }
}

async function* valuesOf(reader: TensorReader, name: string): AsyncGenerator<Float32Array> {
  for await (const { values } of reader.slices(name)) yield values;
}

async function readFold(reader: TensorReader, norm: string): Promise<Fold> {
  return {
    gain: await reader.whole(`${norm}.weight`),
    shift: await reader.whole(`${norm}.bias`),
  };
}
