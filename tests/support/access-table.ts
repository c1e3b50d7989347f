import type { DocumentAction, GlobalAction } from "#shared/permissions.ts";
import { everyone, type Who } from "./standings.ts";

/** What comes of it: let in, or refused with this status. */
export type Outcome = "in" | 401 | 403 | 404;

/** What the table has a line for, and what needs none. */
export type Operation = GlobalAction | DocumentAction | "ownAccount" | "nothing";

type Line = readonly [
  admin: Outcome,
  owner: Outcome,
  otherSponsor: Outcome,
  sponsorAsEditor: Outcome,
  editor: Outcome,
  watcher: Outcome,
  unassigned: Outcome,
];

/**
 * Who may do what, written out by hand from the design and not computed from
 * `shared/permissions.ts`, so that a mistake there shows. An owner has not let editors run.
 */
// biome-ignore format: a table is read by its columns
const lines: { readonly [operation in Operation]: Line } = {
  //                admin owner other sp.ed editor watch unassigned
  administer:       ["in", 403,  403,  403,  403,  403,  403],
  listAllDocuments: ["in", 403,  403,  403,  403,  403,  403],
  createDocument:   [403,  "in", "in", "in", 403,  403,  403],
  listDocuments:    ["in", "in", "in", "in", "in", "in", "in"],
  listModels:       ["in", "in", "in", "in", "in", "in", "in"],
  ownAccount:       ["in", "in", "in", "in", "in", "in", "in"],
  read:             [404,  "in", 404,  "in", "in", "in", 404],
  comment:          [404,  "in", 404,  "in", "in", "in", 404],
  write:            [404,  "in", 404,  "in", "in", 403,  404],
  steer:            [404,  "in", 404,  "in", "in", 403,  404],
  stop:             ["in", "in", 404,  "in", "in", 403,  404],
  generate:         [404,  "in", 404,  403,  403,  403,  404],
  assign:           [404,  "in", 404,  403,  403,  403,  404],
  archive:          [404,  "in", 404,  403,  403,  403,  404],
  restoreVersion:   [404,  "in", 404,  403,  403,  403,  404],
  changeSettings:   [404,  "in", 404,  403,  403,  403,  404],
  reassign:         ["in", "in", 404,  403,  403,  403,  404],
  nothing:          ["in", "in", "in", "in", "in", "in", "in"],
};

/** What comes of an operation, for each who may try it. */
export function outcomes(operation: Operation): Record<Who, Outcome> {
  const line = lines[operation];
  // Everyone whose account is not active is nobody.
  const signedOut = operation === "nothing" ? "in" : 401;
  const pairs = everyone.map((who, column) => [who, line[column] ?? signedOut] as const);
  // `everyone` names them all.
  return Object.fromEntries(pairs) as Record<Who, Outcome>;
}
