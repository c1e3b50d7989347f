import * as decoding from "lib0/decoding";
import { messageTypes, syncLimits, syncMessageTypes } from "#shared/sync-protocol.ts";

/** What a frame that we send carries, as far as saving is concerned. */
export type SentFrame = "step2" | "update" | "other";

/** Reads what kind of frame `bytes` is. */
export function frameKind(bytes: Uint8Array): SentFrame {
  const decoder = decoding.createDecoder(bytes);
  if (decoding.readVarUint(decoder) !== messageTypes.sync) return "other";
  const type = decoding.readVarUint(decoder);
  if (type === syncMessageTypes.step2) return "step2";
  return type === syncMessageTypes.update ? "update" : "other";
}

/**
 * An update that is too large for an update frame (the undo of a large deletion cannot be cut) goes
 * as a step 2, which has the same bytes and may be larger.
 */
export function fitFrame(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length <= syncLimits.updateBytes || frameKind(bytes) !== "update") return bytes;
  const fitted = bytes.slice();
  fitted[1] = syncMessageTypes.step2;
  return fitted;
}
