import type { DocumentSummary } from "#shared/http.ts";
import type { Config } from "../../server/config.ts";
import { openDatabase } from "../../server/database/database.ts";
import { throttleLimits } from "../../server/http/throttle-limits.ts";
import { createLogger } from "../../server/observability/logger.ts";
import { startTestApp, type TestApp } from "./app.ts";
import type { Person } from "./person.ts";
import { silent } from "./pglite.ts";

/** Whoever is attacked, with a document of the sponsor's that the editor is on. */
export interface AttackDesk {
  readonly app: TestApp;
  readonly admin: Person;
  readonly sponsor: Person;
  readonly editor: Person;
  readonly documentId: string;
  readonly versionId: string;
  readonly editorId: string;
  /** All that the server has logged, at its loudest. */
  readonly logged: string[];
  /** Stops the server and reads what an attacker would have liked to change. */
  readKept(): Promise<Kept>;
  close(): Promise<void>;
}

/** Rows as they stand once the server has stopped. */
type Kept = Awaited<ReturnType<typeof readKept>>;

const plenty = { count: 100_000, seconds: 60 };
/** Attacks come by the thousand, and are to be refused for what they are. */
const unhurried = Object.fromEntries(
  Object.keys(throttleLimits)
    .filter((name) => name !== "hashing")
    .map((name) => [name, plenty]),
);

export async function openAttackDesk(config: Partial<Config> = {}): Promise<AttackDesk> {
  const logged: string[] = [];
  const app = await startTestApp({
    // What is attacked is the whole server.
    loadsModelAhead: true,
    config,
    logger: createLogger("trace", { write: (line) => logged.push(line) }),
    limits: { http: { ...throttleLimits, ...unhurried } },
  });
  const [admin, sponsor, editor] = await Promise.all(
    ["admin", "sponsor", "editor"].map((name) => app.signIn(`${name}@demo.test`)),
  );
  if (admin === undefined || sponsor === undefined || editor === undefined)
    throw new Error("a demonstration account is missing");
  const { document } = await sponsor.json<{ document: DocumentSummary }>("POST", "/api/documents", {
    title: "Attacked",
    body: "Once upon a time.",
  });
  const path = `/api/documents/${document.id}`;
  await sponsor.json("PUT", `${path}/assignments`, { email: "editor@demo.test", role: "editor" });
  const { version } = await sponsor.json<{ version: { id: string } }>("POST", `${path}/versions`, {
    label: "First",
  });
  const { user } = await editor.json<{ user: { id: string } }>("GET", "/api/me");
  return {
    app,
    admin,
    sponsor,
    editor,
    documentId: document.id,
    versionId: version.id,
    editorId: user.id,
    logged,
    async readKept() {
      await app.stop();
      return readKept(app.dataDir);
    },
    close: () => app.close(),
  };
}

async function readKept(dataDir: string) {
  const database = await openDatabase({ dataDir, logger: silent });
  const { kysely } = database;
  const kept = {
    users: await kysely
      .selectFrom("users")
      .select(["id", "email", "name", "role", "status", "access_epoch", "totp_secret"])
      .orderBy("email")
      .execute(),
    documents: await kysely
      .selectFrom("documents")
      .select(["id", "title", "owner_id", "archived_at", "purge_at", "restore_epoch"])
      .orderBy("created_at")
      .execute(),
    assignments: await kysely
      .selectFrom("assignments")
      .select(["document_id", "user_id", "role", "revoked_at"])
      .orderBy("role")
      .execute(),
    settings: await kysely.selectFrom("document_settings").select("editors_may_run").execute(),
    quotas: await kysely.selectFrom("quotas").select("user_id").execute(),
    events: await kysely.selectFrom("audit_events").selectAll().orderBy("id").execute(),
  };
  await database.close();
  return kept;
}
