import { createBindingRuntime } from "./binding-runtime.ts";
import type { OnnxRuntime, RuntimeKind } from "./onnx-runtime.ts";
import { createZeroCopyRuntime } from "./zero-copy-runtime.ts";

export interface ChosenRuntime {
  runtime: OnnxRuntime;
  /** Why the fast way could not be taken, where nobody forced the other. */
  fallbackReason?: string;
}

/** The asked-for way to run graphs; by default zero-copy, and the ordinary binding where that fails. */
export function openRuntime(kind?: RuntimeKind): ChosenRuntime {
  if (kind === "binding") return { runtime: createBindingRuntime() };
  if (kind === "zero-copy") return { runtime: createZeroCopyRuntime() };
  try {
    return { runtime: createZeroCopyRuntime() };
  } catch (error) {
    return { runtime: createBindingRuntime(), fallbackReason: String(error) };
  }
}
