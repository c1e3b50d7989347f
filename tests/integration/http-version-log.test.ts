import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import * as Y from "yjs";
import { createAccounts } from "../../server/accounts/accounts.ts";
import { createProjection } from "../../server/documents/projection.ts";
import { createVersionLog, type VersionLog } from "../../server/documents/version-log.ts";
import { openTestDatabase, type TestDatabase } from "../support/pglite.ts";

const minuteMs = 60_000;

let storage: TestDatabase;
let versions: VersionLog;
let ownerId: string;
beforeAll(async () => {
  storage = await openTestDatabase();
  const { database } = storage;
  versions = createVersionLog(database);
  const accounts = createAccounts({ database, secure: false });
  const account = { email: "o@example.test", name: "O", role: "sponsor" } as const;
  ({ id: ownerId } = await accounts.createAccount({ ...account, password: "a long password" }));
});
afterAll(() => storage.remove());

let documentId: string;
let count = 0;
beforeEach(async () => {
  documentId = `document-${++count}`;
  await storage.database.kysely
    .insertInto("documents")
    .values({
      id: documentId,
      title: "Before",
      owner_id: ownerId,
      created_at: new Date(Date.now() - 11 * minuteMs),
    })
    .execute();
});

async function writeUpdate(): Promise<void> {
  const { head_seq: seq } = await storage.database.kysely
    .updateTable("documents")
    .set((set) => ({ head_seq: set("head_seq", "+", 1) }))
    .where("id", "=", documentId)
    .returning("head_seq")
    .executeTakeFirstOrThrow();
  await storage.database.kysely
    .insertInto("document_updates")
    .values({ document_id: documentId, seq, origin: "system", payload: new Uint8Array([0, 0]) })
    .execute();
}

function project(): Promise<void> {
  const doc = new Y.Doc();
  doc.getText("title").insert(0, "After\0 \ud83d");
  doc.getText("body").insert(0, "\n \n  A first line. \nAnother.\n");
  const { database } = storage;
  return createProjection({ database, versions, onTitleChanged: () => undefined })(documentId, doc);
}

test("a version is kept by itself once there is a change and ten minutes have passed", async () => {
  await project();
  expect(await versions.list(documentId)).toEqual([]);
  await writeUpdate();
  await project();
  const [first, ...others] = await versions.list(documentId);
  expect(first).toMatchObject({ kind: "automatic", label: null, createdBy: null });
  expect(others).toEqual([]);
  expect((await versions.find(documentId, first?.id ?? "")).seq).toBe(1);

  await writeUpdate();
  await project();
  expect(await versions.list(documentId)).toHaveLength(1);
  await versions.keepIfChanged(documentId, 0);
  expect(await versions.list(documentId)).toHaveLength(2);
  await versions.keepIfChanged(documentId, 0);
  expect(await versions.list(documentId)).toHaveLength(2);
});

test("D3 D9: the row shows title and first line as clean lines", async () => {
  await writeUpdate();
  await project();
  const row = await storage.database.kysely
    .selectFrom("documents")
    .select(["title", "excerpt", "updated_at"])
    .where("id", "=", documentId)
    .executeTakeFirstOrThrow();
  expect(row).toMatchObject({ title: "After \uFFFD", excerpt: "A first line." });
  expect(row.updated_at.getTime()).toBeGreaterThan(Date.now() - minuteMs);
});

test("projecting a document that is gone does nothing; keeping a version of it is refused", async () => {
  documentId = "gone";
  await project();
  const version = { kind: "named", label: "L", createdBy: ownerId } as const;
  await expect(versions.keep(documentId, version)).rejects.toMatchObject({ code: "not_found" });
});
