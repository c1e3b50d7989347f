import type { OnnxRuntime, RuntimeKind } from "./onnx-runtime.ts";

export interface ChosenRuntime {
  runtime: OnnxRuntime;
  /** Why the fast way could not be taken, where nobody forced the other. */
  fallbackReason?: string;
}

/**
 * The asked-for way to run graphs; by default zero-copy, and the ordinary binding where that fails.
 * Each way's native library is loaded only when it is taken.
 */
export async function openRuntime(kind?: RuntimeKind): Promise<ChosenRuntime> {
  if (kind === "binding") return { runtime: await openBinding() };
  if (kind === "zero-copy") return { runtime: await openZeroCopy() };
  try {
    return { runtime: await openZeroCopy() };
  } catch (error) {
    return { runtime: await openBinding(), fallbackReason: String(error) };
  }
}

async function openZeroCopy(): Promise<OnnxRuntime> {
  const { createZeroCopyRuntime } = await import("./zero-copy-runtime.ts");
  return createZeroCopyRuntime();
}

async function openBinding(): Promise<OnnxRuntime> {
  const { createBindingRuntime } = await import("./binding-runtime.ts");
  return createBindingRuntime();
}
