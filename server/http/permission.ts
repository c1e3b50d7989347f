import type { RequestHandler } from "express";
import type { DocumentAction, GlobalAction } from "#shared/permissions.ts";

/** What a route asks of whoever comes; each route declares one. */
export type Permission =
  | { kind: "anyone" }
  /** Any active account; the route speaks of the account's own things. */
  | { kind: "signedIn" }
  | { kind: "global"; action: GlobalAction }
  /** Decided on the document in the path; a change of several fields asks for the action of each. */
  | { kind: "document"; actions: readonly DocumentAction[] };

/** For what every active account may do with its own things. */
export const anyAccount = { kind: "signedIn" } as const satisfies Permission;

/** For what concerns no single document; the endpoint itself refuses whoever may not. */
export function globally(action: GlobalAction) {
  return { kind: "global", action } as const satisfies Permission;
}

/** For what is done with the document in the path; `documents` decides, as it knows the document. */
export function onDocument(...actions: readonly DocumentAction[]) {
  return { kind: "document", actions } as const satisfies Permission;
}

/** A request handler that says whom it serves. */
export type DeclaredHandler = RequestHandler & { readonly permission: Permission };

/** Attaches what a handler asks for, so that every route can be listed with it. */
export function declarePermission(
  permission: Permission,
  handler: RequestHandler,
): DeclaredHandler {
  return Object.assign(handler, { permission });
}
