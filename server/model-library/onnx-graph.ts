import { ProtobufWriter } from "./protobuf.ts";

/** TensorProto.DataType of the element types that our graphs use. */
const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
export type ElementType = keyof typeof elementTypes;

/** What one value of each type takes. */
export const elementBytes: Readonly<Record<ElementType, number>> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
};

/** A dimension is a fixed size or the name of a size that each run decides. */
type Dimension = number | string;
type Attribute = number | readonly number[] | { float: number };

/** Where a tensor lies in the weights file that sits beside the graph. */
export interface WeightLocation {
  type: ElementType;
  shape: readonly number[];
  offset: number;
  length: number;
}

const irVersion = 10;
const operatorSet = 20;
const externalData = 1;

/** Builds one ONNX model, node after node (field numbers: onnx.proto3). */
export class OnnxGraph {
  readonly #nodes: ProtobufWriter[] = [];
  readonly #initializers = new Map<string, ProtobufWriter>();
  readonly #inputs: ProtobufWriter[] = [];
  readonly #outputs: ProtobufWriter[] = [];
  readonly #weights: ReadonlyMap<string, WeightLocation>;
  readonly #weightsFile: string;

  /** `weights` says what can be asked of `weight()`; `weightsFile` is its name beside the graph. */
  constructor(weights: ReadonlyMap<string, WeightLocation>, weightsFile: string) {
    this.#weights = weights;
    this.#weightsFile = weightsFile;
  }

  input(name: string, type: ElementType, shape: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: ElementType, shape: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, type, shape));
  }

  /** A tensor of the weights file. */
  weight(name: string): string {
    if (this.#initializers.has(name)) return name;
    const location = this.#weights.get(name);
    if (location === undefined) throw new Error(`The graph asks for an unknown weight, ${name}.`);
    const tensor = tensorHeader(name, location.type, location.shape);
    const entries = {
      location: this.#weightsFile,
      offset: location.offset,
      length: location.length,
    };
    for (const [key, value] of Object.entries(entries)) {
      tensor.message(13, new ProtobufWriter().text(1, key).text(2, String(value)));
    }
    this.#initializers.set(name, tensor.integer(14, externalData));
    return name;
  }

  /** A constant list of whole numbers. */
  integers(values: readonly number[]): string {
    const name = `integers_${values.join("_").replaceAll("-", "minus")}`;
    return this.#constant(name, "int64", [values.length], () => BigInt64Array.from(values, BigInt));
  }

  /** One number as a tensor without dimensions. */
  number(value: number): string {
    return this.#constant(`number_${value}`, "float32", [], () => Float32Array.of(value));
  }

  /** The same number `length` times. */
  repeated(value: number, length: number): string {
    const values = () => new Float32Array(length).fill(value);
    return this.#constant(`repeated_${value}_${length}`, "float32", [length], values);
  }

  /** A list of one byte. */
  byte(value: number): string {
    return this.#constant(`byte_${value}`, "uint8", [1], () => Uint8Array.of(value));
  }

  #constant(
    name: string,
    type: ElementType,
    shape: readonly number[],
    values: () => BigInt64Array | Float32Array | Uint8Array,
  ): string {
    if (!this.#initializers.has(name)) {
      const bytes = new Uint8Array(values().buffer);
      this.#initializers.set(name, tensorHeader(name, type, shape).bytes(9, bytes));
    }
    return name;
  }

  /** Adds a node and returns its first output; an empty input name leaves that input out. */
  node(
    operator: string,
    inputs: readonly string[],
    options: {
      attributes?: Record<string, Attribute>;
      outputs?: readonly string[];
      domain?: "com.microsoft";
    } = {},
  ): string {
    const label = `${operator}_${this.#nodes.length}`;
    const outputs = options.outputs ?? [label];
    const node = new ProtobufWriter();
    for (const name of inputs) node.text(1, name);
    for (const name of outputs) node.text(2, name);
    node.text(3, label).text(4, operator);
    for (const [name, value] of Object.entries(options.attributes ?? {})) {
      node.message(5, attribute(name, value));
    }
    if (options.domain !== undefined) node.text(7, options.domain);
    this.#nodes.push(node);
    return outputs[0] ?? label;
  }

  /** The bytes of the finished model file. */
  finish(name: string): Uint8Array {
    const graph = new ProtobufWriter();
    for (const node of this.#nodes) graph.message(1, node);
    graph.text(2, name);
    for (const initializer of this.#initializers.values()) graph.message(5, initializer);
    for (const input of this.#inputs) graph.message(11, input);
    for (const output of this.#outputs) graph.message(12, output);
    return new ProtobufWriter()
      .integer(1, irVersion)
      .text(2, "palimpsest")
      .message(7, graph)
      .message(8, new ProtobufWriter().text(1, "").integer(2, operatorSet))
      .message(8, new ProtobufWriter().text(1, "com.microsoft").integer(2, 1))
      .finish();
  }
}

function valueInfo(name: string, type: ElementType, shape: readonly Dimension[]): ProtobufWriter {
  const dimensions = new ProtobufWriter();
  for (const size of shape) {
    const dimension = new ProtobufWriter();
    if (typeof size === "number") dimension.integer(1, size);
    else dimension.text(2, size);
    dimensions.message(1, dimension);
  }
  const tensor = new ProtobufWriter().integer(1, elementTypes[type]).message(2, dimensions);
  return new ProtobufWriter().text(1, name).message(2, new ProtobufWriter().message(1, tensor));
}

function tensorHeader(name: string, type: ElementType, shape: readonly number[]): ProtobufWriter {
  const tensor = new ProtobufWriter();
  for (const size of shape) tensor.integer(1, size);
  return tensor.integer(2, elementTypes[type]).text(8, name);
}

function attribute(name: string, value: Attribute): ProtobufWriter {
  const written = new ProtobufWriter().text(1, name);
  if (typeof value === "number") return written.integer(3, value).integer(20, 2);
  if ("length" in value) {
    for (const item of value) written.integer(8, item);
    return written.integer(20, 7);
  }
  return written.float(2, value.float).integer(20, 1);
}
