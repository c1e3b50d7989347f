import { createServer } from "node:http";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { AppError } from "../errors.ts";

export interface ObservedRequest {
  method: string;
  /** The pattern of the address, never the address itself: few values, no ids. */
  route: string;
  status: number;
  seconds: number;
}

export interface Metrics {
  observeRequest(request: ObservedRequest): void;
  /** A value that is read whenever someone looks. */
  gauge(name: string, help: string, read: () => number): void;
  /** One value for each set of labels, read whenever someone looks; sets that are gone are not told. */
  gauges<Label extends string>(
    described: { name: string; help: string; labels: readonly Label[] },
    read: () => readonly { labels: Readonly<Record<Label, string>>; value: number }[],
  ): void;
  text(): Promise<string>;
}

/** The numbers of one server, in Prometheus' words. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: "http_request_duration_seconds",
    help: "Time from a request to the end of its answer",
    labelNames: ["method", "route", "status"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  });
  return {
    observeRequest: ({ seconds, ...labels }) => requests.observe(labels, seconds),
    gauge(name, help, read) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        registers: [],
        collect: () => gauge.set(read()),
      });
      registry.registerMetric(gauge);
    },
    gauges({ name, help, labels }, read) {
      const gauge: Gauge = new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers: [],
        collect() {
          gauge.reset();
          for (const { labels: of, value } of read()) gauge.set(of, value);
        },
      });
      registry.registerMetric(gauge);
    },
    text: () => registry.metrics(),
  };
}

/**
 * Serves `/metrics` on a port of its own, which is not for the world. Throws AppError
 * `cannot_listen` when it cannot have that port.
 */
export async function serveMetrics(
  metrics: Metrics,
  { host, port }: { host: string; port: number },
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    metrics.text().then(
      (text) => response.writeHead(200, { "Content-Type": "text/plain; version=0.0.4" }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: Error) => {
      const message = `Metrics cannot be served (METRICS_PORT): ${cause.message}.`;
      reject(new AppError("cannot_listen", 503, message, { cause }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
