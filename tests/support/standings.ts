import { createHash, randomBytes } from "node:crypto";
import type { AccountRole, AccountStatus, DocumentRole } from "#shared/permissions.ts";
import type { Database } from "../../server/database/database.ts";
import { openDatabase } from "../../server/database/database.ts";
import { copyEmptyDatabase, silent } from "./pglite.ts";
import { addDocument } from "./sync-server.ts";

interface Standing {
  accountRole: AccountRole;
  status: AccountStatus;
  documentRole: DocumentRole | null;
}

/** How one can stand to a document and to the whole; each is an account of this name. */
export const standings = {
  admin: { accountRole: "admin", status: "active", documentRole: null },
  owner: { accountRole: "sponsor", status: "active", documentRole: "owner" },
  otherSponsor: { accountRole: "sponsor", status: "active", documentRole: null },
  sponsorAsEditor: { accountRole: "sponsor", status: "active", documentRole: "editor" },
  editor: { accountRole: "editor", status: "active", documentRole: "editor" },
  watcher: { accountRole: "editor", status: "active", documentRole: "watcher" },
  unassigned: { accountRole: "editor", status: "active", documentRole: null },
  // On the document, and with a session from better days: nothing of it counts.
  pending: { accountRole: "sponsor", status: "pending", documentRole: "editor" },
  rejected: { accountRole: "editor", status: "rejected", documentRole: "editor" },
  suspended: { accountRole: "admin", status: "suspended", documentRole: "editor" },
} as const satisfies Record<string, Standing>;
export type StandingName = keyof typeof standings;

/** Whoever is signed in, and `nobody`. */
export type Who = StandingName | "nobody";
export const everyone = [
  ...Object.keys(standings).map((name) => name as StandingName), // Object.keys forgets the names.
  "nobody",
] as const satisfies readonly Who[];

export interface PreparedStandings {
  dataDir: string;
  /** The Cookie header of each; nobody's is empty. */
  cookies: Readonly<Record<Who, string>>;
  /** A document for each, on which all stand alike. */
  documentOf(who: Who): string;
}

/** A data folder in which everyone has an account, a session, and the documents. */
export async function prepareStandings(): Promise<PreparedStandings> {
  const dataDir = await copyEmptyDatabase();
  const database = await openDatabase({ dataDir, logger: silent });
  const cookies: Record<string, string> = { nobody: "" };
  for (const [name, standing] of Object.entries(standings))
    cookies[name] = await addMember(database, name, standing);
  await addMember(database, "guest", standings.watcher);
  for (const who of everyone) await addDocument(database, documentOf(who), rolesOnDocument());
  await database.close();
  // Each of `everyone` is there by now.
  return { dataDir, cookies: cookies as Record<Who, string>, documentOf };
}

const documentOf = (who: Who) => `document-of-${who}`;

function rolesOnDocument(): Record<string, DocumentRole> {
  const roles = Object.entries(standings).flatMap(([name, { documentRole }]) =>
    documentRole === null ? [] : [[name, documentRole] as const],
  );
  return { ...Object.fromEntries(roles), guest: "watcher" };
}

/** An account with a session; returns its cookie. */
async function addMember(
  { kysely }: Database,
  id: string,
  { accountRole, status }: Standing,
): Promise<string> {
  const token = randomBytes(20).toString("hex");
  await kysely
    .insertInto("users")
    .values({
      id,
      email: `${id}@matrix.test`,
      name: id,
      role: accountRole,
      status,
      password_hash: "-",
    })
    .execute();
  await kysely
    .insertInto("sessions")
    .values({
      token_hash: createHash("sha256").update(token).digest("hex"),
      user_id: id,
      expires_at: new Date(Date.now() + 60 * 60 * 1000),
    })
    .execute();
  return `palimpsest=${token}`;
}
