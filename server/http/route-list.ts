import type { Application, RequestHandler, Router } from "express";
import type { DeclaredHandler, Permission } from "./permission.ts";

/** A route as the server would match it. */
export interface ListedRoute {
  method: string;
  path: string;
  /** undefined: its handler declares none, which no route may. */
  permission: Permission | undefined;
}

/** Routers that are mounted somewhere, by where. */
export type Mounted = Readonly<Record<string, readonly Router[]>>;

/**
 * Every route that `app` answers, with what it declares. A router says nothing of where it is
 * mounted: one that `mounted` does not name is listed under `(elsewhere)`.
 */
export function listRoutes(app: Application, mounted: Mounted): ListedRoute[] {
  const places = new Map<unknown, string>(
    Object.entries(mounted).flatMap(([path, routers]) =>
      routers.map((router) => [router, path] as const),
    ),
  );
  return routesOf(app.router, "", places);
}

function routesOf(
  { stack }: Router,
  prefix: string,
  places: ReadonlyMap<unknown, string>,
): ListedRoute[] {
  return stack.flatMap(({ route, handle }) => {
    if (route !== undefined) return declarations(route, prefix);
    if (!isRouter(handle)) return [];
    return routesOf(handle, places.get(handle) ?? "(elsewhere)", places);
  });
}

/** Of the handlers of a method the last one answers; those before it may turn a request away. */
function declarations(
  route: NonNullable<Router["stack"][number]["route"]>,
  prefix: string,
): ListedRoute[] {
  const answering = new Map<string, RequestHandler>();
  for (const { method, handle } of route.stack) answering.set(method ?? "any", handle);
  return [...answering].map(([method, handle]) => ({
    method: method.toUpperCase(),
    path: `${prefix}${route.path}`,
    permission: isDeclared(handle) ? handle.permission : undefined,
  }));
}

function isDeclared(handler: RequestHandler): handler is DeclaredHandler {
  return "permission" in handler;
}

function isRouter(handle: unknown): handle is Router {
  return typeof handle === "function" && "stack" in handle;
}
