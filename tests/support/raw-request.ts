import { connect } from "node:net";

/**
 * Sends exactly these bytes to the server behind `url` and resolves with all that comes back until
 * the connection ends: no client mends the request on its way.
 */
export function exchangeBytes(url: string, bytes: string | Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
  });
}

interface RawRequest {
  method?: string;
  /** As it stands in the request line: nobody normalises it. */
  target: string;
  headers?: readonly string[];
  body?: string;
}

/** The whole answer to one request whose target and headers are sent as they are. */
export function askExactly(url: string, request: RawRequest): Promise<string> {
  const { method = "GET", target, headers = [], body = "" } = request;
  const { host } = new URL(url);
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, "Connection: close", ...headers];
  if (body !== "") lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return exchangeBytes(url, `${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** The status of an answer that came as bytes; 0 where there is none. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}
