import { fitFrame, frameKind, type SentFrame } from "./sync-frame.ts";

/** A `WebSocket` class whose frames are fitted to the server's limits and reported as they leave. */
export function observedSocket(
  Base: typeof WebSocket,
  onSent: (frame: SentFrame) => void,
): typeof WebSocket {
  return class ObservedSocket extends Base {
    override send(frame: Parameters<WebSocket["send"]>[0]) {
      if (!(frame instanceof Uint8Array)) return super.send(frame);
      // y-websocket's frames lie in buffers of their own, never in shared memory.
      const fitted = fitFrame(frame as Uint8Array<ArrayBuffer>);
      super.send(fitted);
      onSent(frameKind(fitted));
    }
  };
}
