import { once } from "node:events";
import { createServer } from "node:net";

/** Below what systems hand out by themselves: from 32768 on Linux, from 49152 elsewhere. */
const [lowest, highest] = [12_000, 32_000];

/**
 * A free TCP port on the loopback address that nobody is given who does not ask for it, so that who
 * stops can come back to it: one of those that a system hands out may be another's by then.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest));
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, "127.0.0.1");
  try {
    await once(probe, "listening");
  } catch {
    return false;
  }
  probe.close();
  await once(probe, "close");
  return true;
}
