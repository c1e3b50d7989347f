import { rm } from "node:fs/promises";
import type { ModelQuality } from "#shared/models.ts";
import type { ConvertedModel } from "./convert-model.ts";
import type { Measurement } from "./measurement.ts";
import type { Precision } from "./precision.ts";

/** The most that a model of fewer bits may differ from fp32, as mean KL divergence in nats. */
export const highestKl = 1e-3;
/** A difference in speed below this says nothing on a machine that does other things too. */
const clearlyFaster = 1.1;

/** A conversion and what is known of it. */
export interface Candidate extends ConvertedModel {
  measurement?: Measurement | undefined;
  /** Why its quality was not measured. */
  unmeasured?: string | undefined;
}

/** What was measured and not taken. */
export interface Rejected {
  precision: Precision;
  quality?: ModelQuality | undefined;
  /** Why it could not be measured. */
  unmeasured?: string | undefined;
}

export interface Choice {
  chosen: Candidate;
  rejected: Rejected[];
}

export interface ChoiceSteps {
  /** Given by a person; else the rule chooses. */
  wanted?: Precision | undefined;
  /** Why nothing can be compared with fp32 here. */
  obstacle?: string | undefined;
  convert: (precision: Precision) => Promise<ConvertedModel>;
  /** The fp32 model comes first: the others are compared with it. Throws where it cannot be done. */
  measure: (model: ConvertedModel) => Promise<Measurement>;
  signal?: AbortSignal | undefined;
}

/**
 * int8 where its mean KL is at most 1e-3: nothing is as fast. Else of int8-block32, where its is, and
 * fp32 the faster one; the smaller one where neither clearly is. A precision that a person wanted is
 * taken whatever it measures. Where nothing can be compared, int8-block32, which outliers disturb least.
 */
export async function choosePrecision(steps: ChoiceSteps): Promise<Choice> {
  const { wanted, obstacle, convert } = steps;
  if (obstacle !== undefined) {
    const chosen = await convert(wanted ?? "int8-block32");
    return { chosen: { ...chosen, unmeasured: obstacle }, rejected: [] };
  }
  return wanted === undefined ? chooseByRule(steps) : measureWanted(steps, wanted);
}

async function measureWanted(steps: ChoiceSteps, wanted: Precision): Promise<Choice> {
  const original = await tryCandidate(steps, "fp32");
  if (wanted === "fp32") return { chosen: original, rejected: [] };
  const { unmeasured } = original;
  await discard(original);
  if (unmeasured === undefined) return { chosen: await tryCandidate(steps, wanted), rejected: [] };
  return { chosen: { ...(await steps.convert(wanted)), unmeasured }, rejected: [] };
}

async function chooseByRule(steps: ChoiceSteps): Promise<Choice> {
  const converted = await steps.convert("fp32");
  const original: Candidate = { ...converted, measurement: await steps.measure(converted) };
  const rejected: Rejected[] = [];
  const reject = async (candidate: Candidate) => {
    const { precision, measurement, unmeasured } = candidate;
    rejected.push({ precision, quality: measurement?.quality, unmeasured });
    await discard(candidate);
  };
  for (const precision of ["int8", "int8-block32"] as const) {
    const candidate = await tryCandidate(steps, precision);
    const takes = precision === "int8" || !isFaster(original, candidate);
    if (isClose(candidate) && takes) {
      await discard(original);
      return { chosen: candidate, rejected };
    }
    await reject(candidate);
  }
  return { chosen: original, rejected };
}

/** A conversion that cannot be measured is no reason to give up the others. */
async function tryCandidate(steps: ChoiceSteps, precision: Precision): Promise<Candidate> {
  const converted = await steps.convert(precision);
  try {
    return { ...converted, measurement: await steps.measure(converted) };
  } catch (error) {
    steps.signal?.throwIfAborted();
    return { ...converted, unmeasured: error instanceof Error ? error.message : String(error) };
  }
}

function isClose({ measurement }: Candidate): boolean {
  const kl = measurement?.quality?.meanKl;
  return kl !== undefined && kl <= highestKl;
}

function isFaster(one: Candidate, other: Candidate): boolean {
  return pace(one) > clearlyFaster * pace(other);
}

/** One stream and eight count alike. */
function pace({ measurement }: Candidate): number {
  if (measurement === undefined) return 0;
  return Math.sqrt(measurement.speed.oneStream * measurement.speed.eightStreams);
}

function discard({ folder }: ConvertedModel): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}
