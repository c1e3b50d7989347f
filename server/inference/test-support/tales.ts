import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readModelCard } from "../model-card.ts";
import type { ReferenceShape, WeightOf } from "./reference-gpt2.ts";

/** The small model that ships. */
export const talesFolder = join(import.meta.dirname, "../../../models/tales");
export const talesCard = readModelCard(talesFolder);
export const talesShape: ReferenceShape = {
  width: talesCard.heads * talesCard.headSize,
  layers: talesCard.layers,
  heads: talesCard.heads,
  layerNormEpsilon: 1e-5,
};

/** Its weights by name: 32-bit floats in the order below, each tensor from a multiple of 64 bytes. */
export function readTalesWeights(): WeightOf {
  const bytes = readFileSync(join(talesFolder, "weights.bin"));
  const weights = new Map<string, Float32Array>();
  let offset = 0;
  for (const [name, length] of tensorLengths()) {
    weights.set(
      name,
      new Float32Array(Uint8Array.from(bytes.subarray(offset, offset + 4 * length)).buffer),
    );
    offset = 64 * Math.ceil((offset + 4 * length) / 64);
  }
  return (name) => {
    const values = weights.get(name);
    if (values === undefined) throw new Error(`There is no weight ${name}.`);
    return values;
  };
}

function tensorLengths(): [string, number][] {
  const { width, layers } = talesShape;
  const norm = (name: string): [string, number][] => [
    [`${name}.weight`, width],
    [`${name}.bias`, width],
  ];
  const linear = (name: string, inputs: number, outputs: number): [string, number][] => [
    [`${name}.weight`, inputs * outputs],
    [`${name}.bias`, outputs],
  ];
  const blocks = Array.from({ length: layers }, (_, layer) => [
    ...norm(`h.${layer}.ln_1`),
    ...linear(`h.${layer}.attn.c_attn`, width, 3 * width),
    ...linear(`h.${layer}.attn.c_proj`, width, width),
    ...norm(`h.${layer}.ln_2`),
    ...linear(`h.${layer}.mlp.c_fc`, width, 4 * width),
    ...linear(`h.${layer}.mlp.c_proj`, 4 * width, width),
  ]);
  return [
    ["wte.weight", talesCard.vocabularySize * width],
    ["wpe.weight", talesCard.contextTokens * width],
    ...blocks.flat(),
    ...norm("ln_f"),
  ];
}

/** Some token ids, always the same for the same arguments. */
export function someTokens(length: number, salt = 0): number[] {
  return Array.from({ length }, (_, i) => (i * 7919 + salt * 104_729 + 11) % 4095);
}

export function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce(
    (largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Infinity))),
    0,
  );
}
