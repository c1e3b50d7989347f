import type { ModelCard } from "../inference/model-card.ts";

/**
 * fp32: weights as they came. int8: weights with a scale for each output, activations with one for
 * each token. int8-block32: both with a scale for each 32 inputs.
 */
export type Precision = ModelCard["precision"];
export const precisions = ["fp32", "int8", "int8-block32"] as const satisfies Precision[];

/** Inputs that share a scale where weights are quantised in blocks. */
export const blockSize = 32;
/** What stands for 0 where 8 bits without a sign hold a quantised value. */
export const zeroPoint = 128;
