import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { listExternalTensors } from "./external-weights.ts";
import { talesCard, talesFolder } from "./test-support/tales.ts";

const graph = readFileSync(join(talesFolder, talesCard.graphs[0]?.file ?? ""));

test("tells of each of a graph's weights where its values lie", () => {
  const tensors = listExternalTensors(graph);
  const names = tensors.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(tensors.map(({ file }) => file))).toEqual(new Set(["weights.bin"]));
  const positions = tensors.find(({ name }) => name === "wpe.weight");
  const width = talesCard.heads * talesCard.headSize;
  const shape = [talesCard.contextTokens, width];
  expect(positions).toMatchObject({ elementType: 1, shape, length: 4 * width * (shape[0] ?? 0) });
  const fileSize = readFileSync(join(talesFolder, "weights.bin")).length;
  for (const { offset, length } of tensors) {
    expect(offset % 64).toBe(0);
    expect(offset + length).toBeLessThanOrEqual(fileSize);
  }
});

test("reads sizes that are packed into one field, and values that are not kept outside", () => {
  const inside = [0x42, 1, 0x62];
  const outside = [0x0a, 3, 2, 0x80, 1, 0x10, 1, 0x42, 1, 0x61, 0x70, 1];
  const entry = [0x0a, 8, ...text("location"), 0x12, 3, ...text("w.b")];
  const tensors = [inside, [...outside, 0x6a, entry.length, ...entry]];
  const model = tensors.flatMap((bytes) => [0x2a, bytes.length, ...bytes]);
  expect(listExternalTensors(Uint8Array.from([0x3a, model.length, ...model]))).toEqual([
    { name: "a", elementType: 1, shape: [2, 128], file: "w.b", offset: 0, length: Number.NaN },
  ]);
});

test.each(["../weights.bin", "/etc/passwd", "a/b", "", ".hidden"])(
  "E7: refuses weights at %j, which is no name of a file beside the graph",
  (location) => {
    const entry = [0x0a, 8, ...text("location"), 0x12, location.length, ...text(location)];
    const tensor = [0x42, 1, 0x61, 0x70, 1, 0x6a, entry.length, ...entry];
    const model = [0x2a, tensor.length, ...tensor];
    const bytes = Uint8Array.from([0x3a, model.length, ...model]);
    expect(() => listExternalTensors(bytes)).toThrow("outside its folder");
  },
);

test("E7: refuses bytes that are no ONNX model, wherever they end", () => {
  for (const length of [0, 1, 3, 100, graph.length - 1]) {
    expect(() => listExternalTensors(graph.subarray(0, length))).toThrow("no readable ONNX");
  }
  expect(() => listExternalTensors(Buffer.from("not a model"))).toThrow("no readable ONNX");
});

function text(characters: string): number[] {
  return [...Buffer.from(characters)];
}
