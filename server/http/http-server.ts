import { createServer, type RequestListener, type Server } from "node:http";
import { AppError, UnavailableError } from "../errors.ts";
import { toBody } from "./errors.ts";

export interface HttpServer {
  readonly server: Server;
  readonly port: number;
  /** An address that a browser on this machine can open. */
  readonly url: string;
  /** Hands requests to `listener`; until then all but `/healthz` are answered 503. */
  serve(listener: RequestListener): void;
  /** Answers 503 from now on and takes no new connections. */
  refuse(): void;
  /** Ends what is still open. */
  close(): Promise<void>;
}

/**
 * Listens at once, so that a port in use is known first and whoever waits for readiness gets an
 * answer. Throws AppError `port_in_use` or `cannot_listen`.
 */
export async function openHttpServer(options: { port: number; host: string }): Promise<HttpServer> {
  let listener: RequestListener = answerUnavailable;
  const server = createServer((request, response) => listener(request, response));
  await listen(server, options);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  let closed: Promise<void> | undefined;
  const stopListening = () => {
    closed ??= new Promise((resolve) => server.close(() => resolve()));
    return closed;
  };
  return {
    server,
    port,
    url: new URL(`http://${browsable(options.host)}:${port}`).origin,
    serve(next) {
      listener = next;
    },
    refuse() {
      listener = answerUnavailable;
      void stopListening(); // awaited by close()
    },
    close() {
      const stopped = stopListening();
      server.closeAllConnections();
      return stopped;
    },
  };
}

const answerUnavailable: RequestListener = (request, response) => {
  if (request.url === "/healthz") {
    response.writeHead(200, { "Content-Type": "application/json" }).end('{"status":"ok"}');
    return;
  }
  const body = toBody(new UnavailableError("The server is starting or stopping. Try again."));
  response
    .writeHead(503, { "Content-Type": "application/json", "Retry-After": "1" })
    .end(JSON.stringify(body));
};

async function listen(server: Server, { port, host }: { port: number; host: string }) {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
  } catch (cause) {
    throw cannotListen(cause, port, host);
  }
}

function cannotListen(cause: unknown, port: number, host: string): AppError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") {
    const message = `Port ${port} is in use by another program. Stop it, or choose another with PORT.`;
    return new AppError("port_in_use", 503, message, { cause });
  }
  const message = `The server cannot listen on ${host} at port ${port} (${String(code)}).`;
  return new AppError("cannot_listen", 503, message, { cause });
}

/** The host as it stands in an address; "every interface" is no place to go to. */
function browsable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
