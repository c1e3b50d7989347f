import express, { type Express, type RequestHandler, type Router } from "express";
import { type ReadinessChecks, readReadiness } from "../observability/health.ts";
import type { Logger } from "../observability/logger.ts";
import type { Metrics } from "../observability/metrics.ts";
import { answerErrors, refuseUnknown } from "./errors.ts";
import { nameRequest, neverStore, refuseUnusedFeatures, securityHeaders } from "./headers.ts";
import { type IsAllowedOrigin, requireJson, requireOwnOrigin } from "./origin.ts";
import { createPage } from "./page.ts";
import { declarePermission } from "./permission.ts";
import { type ListedRoute, listRoutes } from "./route-list.ts";

interface HttpAppOptions {
  publicOrigins: readonly string[];
  isAllowedOrigin: IsAllowedOrigin;
  readiness: ReadinessChecks;
  /** Mounted under `/api`, in order. */
  routers: readonly Router[];
  clientDir: string;
  metrics: Metrics;
  logger: Logger;
}

/** Everything that HTTP answers. */
export interface HttpApp {
  app: Express;
  /** Every route there is, with what it asks of whoever comes. */
  routes: readonly ListedRoute[];
}

/** Everything that HTTP answers: health, the API, the page. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const { publicOrigins, isAllowedOrigin, routers, clientDir, metrics, logger } = options;
  const app = express();
  app.disable("x-powered-by");
  app.set("query parser", "simple");
  app.use(nameRequest, observe(metrics, logger));
  app.use(securityHeaders(publicOrigins), refuseUnusedFeatures);
  app.get("/healthz", neverStore, sayAlive);
  app.get("/readyz", neverStore, sayReady(options.readiness));
  app.use("/api", neverStore, requireOwnOrigin(isAllowedOrigin), requireJson, ...routers);
  const page = createPage(clientDir);
  app.use(page);
  app.use(refuseUnknown, answerErrors(logger));
  return { app, routes: listRoutes(app, { "/api": routers, "": [page] }) };
}

const sayAlive = declarePermission({ kind: "anyone" }, (_request, response) => {
  response.json({ status: "ok" });
});

function sayReady(readiness: ReadinessChecks): RequestHandler {
  return declarePermission({ kind: "anyone" }, async (_request, response) => {
    const { ready, checks } = await readReadiness(readiness);
    response.status(ready ? 200 : 503).json({ status: ready ? "ready" : "not_ready", checks });
  });
}

function observe(metrics: Metrics, logger: Logger): RequestHandler {
  return (request, response, next) => {
    const started = performance.now();
    response.on("finish", () => {
      const seconds = (performance.now() - started) / 1000;
      const { method } = request;
      const { statusCode: status } = response;
      const route = routeOf(request);
      metrics.observeRequest({ method, route, status, seconds });
      const requestId = response.get("X-Request-Id");
      logger.info({ requestId, method, route, status, seconds }, "request answered");
    });
    next();
  };
}

function routeOf(request: express.Request): string {
  // Express types the matched route as any.
  const route: { path?: unknown } | undefined = request.route;
  return typeof route?.path === "string" ? `${request.baseUrl}${route.path}` : "none";
}
