/** A tensor of a graph whose values lie in a file beside the graph. */
export interface ExternalTensor {
  name: string;
  /** TensorProto.DataType, which is ONNXTensorElementDataType too. */
  elementType: number;
  shape: number[];
  /** The file's name, without a folder. */
  file: string;
  /** Bytes. */
  offset: number;
  length: number;
}

type Field = [number: number, value: number | Uint8Array];

/**
 * The tensors of an ONNX model that lie outside it, in the model's order (field numbers: onnx.proto3).
 * Throws when the bytes are no such model or name a file in another folder.
 */
export function listExternalTensors(model: Uint8Array): ExternalTensor[] {
  const graph = valueOf([...fieldsOf(model)], 7);
  return [...fieldsOf(bytesOf(graph))]
    .filter(([number]) => number === 5)
    .map(([, tensor]) => [...fieldsOf(bytesOf(tensor))])
    .filter((fields) => valueOf(fields, 14) === 1)
    .map(describeTensor);
}

function describeTensor(fields: readonly Field[]): ExternalTensor {
  const entries = new Map(
    fields.filter(([number]) => number === 13).map(([, entry]) => readEntry(bytesOf(entry))),
  );
  const file = entries.get("location") ?? "";
  if (!/^[\w-][\w.-]*$/.test(file)) throw new Error("A graph's weights lie outside its folder.");
  return {
    name: textOf(valueOf(fields, 8)),
    elementType: Number(valueOf(fields, 2)),
    shape: fields.filter(([number]) => number === 1).flatMap(([, size]) => sizesOf(size)),
    file,
    offset: Number(entries.get("offset") ?? 0),
    length: Number(entries.get("length")),
  };
}

function readEntry(bytes: Uint8Array): [string, string] {
  const fields = [...fieldsOf(bytes)];
  return [textOf(valueOf(fields, 1)), textOf(valueOf(fields, 2))];
}

/** Sizes stand one by one, or packed into one field. */
function sizesOf(value: Field[1]): number[] {
  if (typeof value === "number") return [value];
  const sizes: number[] = [];
  for (let at = 0; at < value.length; ) {
    const [size, end] = readVarint(value, at);
    sizes.push(size);
    at = end;
  }
  return sizes;
}

const valueOf = (fields: readonly Field[], wanted: number) =>
  fields.find(([number]) => number === wanted)?.[1];

function bytesOf(value: Field[1] | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new Error("The graph is no readable ONNX model.");
}

const textOf = (value: Field[1] | undefined) => new TextDecoder().decode(bytesOf(value));

/** Fields of a protobuf message; fixed-size values, of which nothing here is made, are passed over. */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  while (at < bytes.length) {
    const [key, start] = readVarint(bytes, at);
    const number = Math.floor(key / 8);
    const wireType = key % 8;
    if (wireType === 0) {
      const [value, end] = readVarint(bytes, start);
      yield [number, value];
      at = end;
    } else if (wireType === 2) {
      const [length, begin] = readVarint(bytes, start);
      at = begin + length;
      if (at > bytes.length) break;
      yield [number, bytes.subarray(begin, at)];
    } else if (wireType === 1 || wireType === 5) {
      at = start + (wireType === 1 ? 8 : 4);
    } else break;
  }
  if (at !== bytes.length) throw new Error("The graph is no readable ONNX model.");
}

/** The value and where it ends; larger than 2⁵³ it loses its last digits, which no size of ours is. */
function readVarint(bytes: Uint8Array, start: number): [value: number, end: number] {
  let value = 0;
  let factor = 1;
  for (let at = start; at < bytes.length && at < start + 10; at++, factor *= 128) {
    const byte = bytes[at] ?? 0;
    value += (byte % 128) * factor;
    if (byte < 128) return [value, at + 1];
  }
  throw new Error("The graph is no readable ONNX model.");
}
