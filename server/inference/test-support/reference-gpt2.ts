/** The sizes that the reference needs. */
export interface ReferenceShape {
  width: number;
  layers: number;
  heads: number;
  layerNormEpsilon: number;
}
export type WeightOf = (name: string) => Float32Array;

/** GPT-2 written out as plain loops: the logits after the last of the tokens. */
export function referenceLogits(
  shape: ReferenceShape,
  weightOf: WeightOf,
  tokens: readonly number[],
): Float32Array {
  const { width, layers } = shape;
  const wte = weightOf("wte.weight");
  const wpe = weightOf("wpe.weight");
  let hidden: Float32Array[] = tokens.map((id, position) =>
    Float32Array.from(
      { length: width },
      (_, i) => at(wte, id * width + i) + at(wpe, position * width + i),
    ),
  );
  for (let layer = 0; layer < layers; layer++)
    hidden = block(shape, weightOf, `h.${layer}`, hidden);
  const last = layerNorm(shape, weightOf, "ln_f", hidden.at(-1) ?? new Float32Array(width));
  return Float32Array.from({ length: wte.length / width }, (_, id) => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += at(last, i) * at(wte, id * width + i);
    return sum;
  });
}

function block(shape: ReferenceShape, weightOf: WeightOf, name: string, hidden: Float32Array[]) {
  const packed = hidden.map((row) =>
    linear(weightOf, `${name}.attn.c_attn`, layerNorm(shape, weightOf, `${name}.ln_1`, row)),
  );
  return hidden.map((row, position) => {
    const attended = attend(shape, packed, position);
    const middle = add(row, linear(weightOf, `${name}.attn.c_proj`, attended));
    const normal = layerNorm(shape, weightOf, `${name}.ln_2`, middle);
    const inner = linear(weightOf, `${name}.mlp.c_fc`, normal).map(geluNew);
    return add(middle, linear(weightOf, `${name}.mlp.c_proj`, inner));
  });
}

function attend({ width, heads }: ReferenceShape, packed: Float32Array[], position: number) {
  const size = width / heads;
  const result = new Float32Array(width);
  const query = packed[position] ?? new Float32Array(3 * width);
  for (let head = 0; head < heads; head++) {
    const start = head * size;
    const scores = packed.slice(0, position + 1).map((row) => {
      let score = 0;
      for (let i = 0; i < size; i++) score += at(query, start + i) * at(row, width + start + i);
      return score / Math.sqrt(size);
    });
    const highest = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - highest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let i = 0; i < size; i++) {
      let sum = 0;
      weights.forEach((weight, j) => {
        sum += (weight / total) * at(packed[j] ?? query, 2 * width + start + i);
      });
      result[start + i] = sum;
    }
  }
  return result;
}

function linear(weightOf: WeightOf, name: string, input: Float32Array): Float32Array {
  const weight = weightOf(`${name}.weight`);
  const bias = weightOf(`${name}.bias`);
  return bias.map((start, output) => {
    let sum = start;
    for (let i = 0; i < input.length; i++)
      sum += at(input, i) * at(weight, i * bias.length + output);
    return sum;
  });
}

function layerNorm(
  { layerNormEpsilon }: ReferenceShape,
  weightOf: WeightOf,
  name: string,
  input: Float32Array,
): Float32Array {
  const mean = input.reduce((sum, value) => sum + value, 0) / input.length;
  const variance = input.reduce((sum, value) => sum + (value - mean) ** 2, 0) / input.length;
  const scale = 1 / Math.sqrt(variance + layerNormEpsilon);
  const gain = weightOf(`${name}.weight`);
  const shift = weightOf(`${name}.bias`);
  return input.map((value, i) => (value - mean) * scale * at(gain, i) + at(shift, i));
}

function geluNew(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function add(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, i) => value + at(b, i));
}

/** Indices here are computed from shapes, so a miss is a bug in the reference. */
function at(values: Float32Array, index: number): number {
  const value = values[index];
  if (value === undefined) throw new Error(`The reference reads outside an array, at ${index}.`);
  return value;
}
