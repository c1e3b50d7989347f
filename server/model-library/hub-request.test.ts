import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { askHub } from "./hub-request.ts";
import * as addresses from "./private-address.ts";

const servers: Server[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function redirecting(location: string): Promise<URL> {
  const server = createServer((_request, response) => {
    response.writeHead(302, { location }).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on a port has an address with one.
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/file`);
}

/** As if the hub itself stood in the public internet, and everything else where it is. */
function hubIsPublic(hub: URL): void {
  const real = addresses.isPrivateAddress;
  let asked = 0;
  vi.spyOn(addresses, "isPrivateAddress").mockImplementation((address) =>
    address === hub.hostname && asked++ === 0 ? false : real(address),
  );
}

const ask = (url: URL) =>
  askHub({ method: "GET", url, leaveHost: true, silenceMs: 1_000 }, new AbortController().signal);

test.each([
  "http://127.0.0.1:1/x",
  "http://[::1]:1/x",
  "http://169.254.169.254/latest/meta-data",
  "http://[::ffff:10.0.0.1]/x",
  "http://localhost:1/x",
  "http://2130706433/x",
])("E15: a hub of the public internet cannot redirect to %s", async (location) => {
  const hub = await redirecting(location);
  hubIsPublic(hub);
  await expect(ask(hub)).rejects.toMatchObject({ code: "hub_refused" });
});

test("E15: a hub on this machine may redirect to this machine", async () => {
  const content = await redirecting("http://127.0.0.1:1/gone");
  const hub = await redirecting(content.href);
  await expect(ask(hub)).rejects.toThrow("127.0.0.1:1 cannot be reached");
});
