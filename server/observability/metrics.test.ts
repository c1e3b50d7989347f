import { expect, test } from "vitest";
import { createMetrics, serveMetrics } from "./metrics.ts";

test("metrics are text for Prometheus at /metrics, and nothing else is there", async () => {
  const metrics = createMetrics();
  let open = 3;
  metrics.gauge("socket_connections", "Open connections", () => open);
  metrics.gauges({ name: "engine_up", help: "…", labels: ["engine"] }, () => [
    { labels: { engine: `far${open}` }, value: 1 },
  ]);
  metrics.observeRequest({ method: "GET", route: "/api/me", status: 200, seconds: 0.02 });
  const server = await serveMetrics(metrics, { host: "127.0.0.1", port: 0 });
  try {
    const url = `http://127.0.0.1:${server.port}`;
    expect(await metrics.text()).toContain('engine_up{engine="far3"} 1');
    open = 4;
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).toContain("socket_connections 4");
    expect(text).toMatch(/http_request_duration_seconds_count\{.*route="\/api\/me".*\} 1/);
    expect(text).toContain('engine_up{engine="far4"} 1');
    expect(text).not.toContain("far3");
    expect(text).toContain("process_cpu_seconds_total");
    expect((await fetch(url)).status).toBe(404);
    await expect(
      serveMetrics(metrics, { host: "127.0.0.1", port: server.port }),
    ).rejects.toMatchObject({ code: "cannot_listen" });
  } finally {
    await server.close();
  }
});
