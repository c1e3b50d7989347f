/** Account roles and states, document roles, and the one table that decides what each may do. */
export const accountRoles = ["admin", "sponsor", "editor"] as const;
export type AccountRole = (typeof accountRoles)[number];

/** What anyone may ask to join as. */
export const signUpRoles = ["sponsor", "editor"] as const satisfies readonly AccountRole[];

export const accountStatuses = ["pending", "active", "rejected", "suspended"] as const;
export type AccountStatus = (typeof accountStatuses)[number];

export const documentRoles = ["owner", "editor", "watcher"] as const;
export type DocumentRole = (typeof documentRoles)[number];

/** Who is asking. */
export interface Actor {
  id: string;
  name: string;
  role: AccountRole;
  /** An admin who has to set up a second factor before doing what only admins may. */
  totpMissing?: true;
}

/** Operations that concern no single document. */
export const globalActions = [
  "administer",
  "listAllDocuments",
  "createDocument",
  "listDocuments",
  "listModels",
] as const;
export type GlobalAction = (typeof globalActions)[number];

const globalTable: { readonly [action in GlobalAction]: readonly AccountRole[] } = {
  administer: ["admin"],
  listAllDocuments: ["admin"],
  createDocument: ["sponsor"],
  listDocuments: ["admin", "sponsor", "editor"],
  listModels: ["admin", "sponsor", "editor"],
};

/** Operations on one document. */
export const documentActions = [
  "read",
  "comment",
  "write",
  "steer",
  "stop",
  "generate",
  "assign",
  "archive",
  "restoreVersion",
  "changeSettings",
  "reassign",
] as const;
export type DocumentAction = (typeof documentActions)[number];

type Standing = DocumentRole | "admin";

/** `steer` is pause and resume; `generate` is start, retry, choose, undo, tune. */
const documentTable: { readonly [action in DocumentAction]: readonly Standing[] } = {
  read: ["owner", "editor", "watcher"],
  comment: ["owner", "editor", "watcher"],
  write: ["owner", "editor"],
  steer: ["owner", "editor"],
  stop: ["owner", "editor", "admin"],
  generate: ["owner"],
  assign: ["owner"],
  archive: ["owner"],
  restoreVersion: ["owner"],
  changeSettings: ["owner"],
  reassign: ["owner", "admin"],
};

/** All that can be done with an archived document, by those who may: nothing that changes its text. */
const archivedActions: readonly DocumentAction[] = [
  "read",
  "stop",
  "assign",
  "archive",
  "changeSettings",
  "reassign",
];

/** Whether an account of this role may do `action`. */
export function mayGlobally(role: AccountRole, action: GlobalAction): boolean {
  return globalTable[action].includes(role);
}

/** What decides on one document: the account's role, its role on the document, the owner's setting. */
export interface DocumentStanding {
  accountRole: AccountRole;
  /** null: not assigned. */
  documentRole: DocumentRole | null;
  editorsMayRun: boolean;
  /** It rests until its owner brings it back. */
  archived: boolean;
}

/** Whether an account that stands so may do `action` on the document. */
export function mayOnDocument(standing: DocumentStanding, action: DocumentAction): boolean {
  if (standing.archived && !archivedActions.includes(action)) return false;
  const allowed = documentTable[action];
  if (standing.accountRole === "admin" && allowed.includes("admin")) return true;
  const role = standing.documentRole;
  if (role === null) return false;
  if (action === "generate" && role === "editor") return standing.editorsMayRun;
  return allowed.includes(role);
}

/** Whether the document exists at all for this account; if not, every answer is 404. */
export function canSeeDocument(standing: DocumentStanding): boolean {
  return standing.documentRole !== null;
}
