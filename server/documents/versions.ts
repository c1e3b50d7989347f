import type * as Y from "yjs";
import type { Version } from "#shared/http.ts";
import type { Actor } from "#shared/permissions.ts";
import { sharedTypes } from "#shared/sync-protocol.ts";
import type { Rooms } from "../sync/types.ts";
import type { DocumentPolicy } from "./access.ts";
import { bodyOf } from "./document-text.ts";
import { withRoom } from "./documents.ts";
import type { Project } from "./projection.ts";
import { replaceFormattedText } from "./text-difference.ts";
import type { VersionLog } from "./version-log.ts";

export interface Versions {
  list(actor: Actor, documentId: string): Promise<Version[]>;
  keepNamed(actor: Actor, documentId: string, label: string): Promise<Version>;
  text(actor: Actor, documentId: string, versionId: string): Promise<string>;
  /** Makes the body what it was, as one forward change, and keeps the result as a new version. */
  restore(actor: Actor, documentId: string, versionId: string): Promise<Version>;
}

interface VersionsOptions {
  versionLog: VersionLog;
  policy: DocumentPolicy;
  rooms: Rooms;
  project: Project;
  /** The document as it was after update `seq`; the caller destroys it. */
  readDocumentAt: (documentId: string, seq: number) => Promise<Y.Doc>;
  /** Pauses the document's run if one is going. */
  pauseRun: (actor: Actor, documentId: string) => Promise<void>;
}

/** Versions as people use them: look, name, read, restore. The title is not part of a restore. */
export function createVersions(options: VersionsOptions): Versions {
  const { versionLog, policy, rooms, project, readDocumentAt, pauseRun } = options;

  async function withDocumentAt<Result>(
    documentId: string,
    seq: number,
    use: (doc: Y.Doc) => Result | Promise<Result>,
  ): Promise<Result> {
    const doc = await readDocumentAt(documentId, seq);
    try {
      return await use(doc);
    } finally {
      doc.destroy();
    }
  }

  return {
    async list(actor, documentId) {
      await policy.requireAccess(actor, documentId, "read");
      return versionLog.list(documentId);
    },

    async keepNamed(actor, documentId, label) {
      await policy.requireAccess(actor, documentId, "write");
      return versionLog.keep(documentId, { kind: "named", label, createdBy: actor.id });
    },

    async text(actor, documentId, versionId) {
      await policy.requireAccess(actor, documentId, "read");
      const { seq } = await versionLog.find(documentId, versionId);
      return withDocumentAt(documentId, seq, bodyOf);
    },

    async restore(actor, documentId, versionId) {
      await policy.requireAccess(actor, documentId, "restoreVersion");
      const { version, seq } = await versionLog.find(documentId, versionId);
      // What was restored should stand until a person lets the model go on.
      await pauseRun(actor, documentId);
      await versionLog.keepIfChanged(documentId, 0);
      await withDocumentAt(documentId, seq, (then) =>
        withRoom(rooms, documentId, async (room) => {
          await room.write({ kind: "user", actorId: actor.id }, (doc) =>
            replaceFormattedText(doc.getText(sharedTypes.body), then.getText(sharedTypes.body)),
          );
          await project(documentId, room.doc);
        }),
      );
      const label = restoredLabel(version.label);
      return versionLog.keep(documentId, { kind: "named", label, createdBy: actor.id });
    },
  };
}

/** A version that was itself restored gives its name on. */
function restoredLabel(label: string | null): string {
  const name = label?.replace(/^Restored: /, "");
  return name === undefined ? "Restored from an automatic version" : `Restored: ${name}`;
}
