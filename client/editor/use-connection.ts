import { useMemo, useSyncExternalStore } from "react";
import type { Awareness } from "y-protocols/awareness";
import {
  type ConnectionSnapshot,
  createDocumentConnection,
  type DocumentConnection,
} from "./document-connection.ts";
import { createDrafts, type Draft, type Drafts } from "./drafts.ts";
import { keepLeftWords } from "./left-words.ts";
import { type OfflineCopyKey, openOfflineCopy } from "./offline-copy.ts";
import { type Person, peopleIn } from "./presence-state.ts";

/** The document's connection while the component is mounted; null for the moment before it opens. */
export function useConnection(
  documentId: string,
  accountId: string,
  restoreEpoch: number,
  mayWrite: boolean,
): DocumentConnection | null {
  const place = useMemo(
    () => createConnectionPlace({ documentId, accountId, restoreEpoch }, mayWrite),
    [documentId, accountId, restoreEpoch, mayWrite],
  );
  return useSyncExternalStore(place.subscribe, place.getSnapshot);
}

/** Opens the connection for its first subscriber and closes it after the last one. */
function createConnectionPlace(key: OfflineCopyKey, mayWrite: boolean) {
  const drafts = createDrafts(localStorage, key.accountId);
  let connection: DocumentConnection | null = null;
  let subscribers = 0;
  return {
    getSnapshot: () => connection,
    subscribe: () => {
      subscribers++;
      if (connection === null) {
        const isLeft = (epoch: number) => epoch < key.restoreEpoch;
        void keepLeftWords({ ...key, drafts, reason: "refused", isLeft });
      }
      // React looks at the snapshot again after it has subscribed.
      connection ??= createDocumentConnection({
        ...key,
        syncUrl: `${location.origin.replace(/^http/, "ws")}/sync`,
        drafts,
        mayWrite,
        openOfflineCopy,
      });
      return () => {
        subscribers--;
        if (subscribers > 0) return;
        void connection?.close();
        connection = null;
      };
    },
  };
}

/**
 * What `read` takes from the connection's state. The component is drawn again only when just that
 * changes: "saving" and "saved" come and go with each keystroke.
 */
export function useConnectionState<Part>(
  connection: DocumentConnection,
  read: (state: ConnectionSnapshot) => Part,
): Part {
  return useSyncExternalStore(connection.subscribe, () => read(connection.getSnapshot()));
}

/** The others who have the document open, one entry a connection. */
export function usePeople(connection: DocumentConnection): readonly Person[] {
  const awareness = useConnectionState(connection, ({ replica }) => replica.awareness);
  const faces = useMemo(() => createFaces(awareness), [awareness]);
  return useSyncExternalStore(faces.subscribe, faces.getSnapshot);
}

/** Carets move all the time; the list of faces changes only with who is here and who composes. */
function createFaces(awareness: Awareness) {
  let faces = peopleIn(awareness);
  return {
    getSnapshot: () => {
      const now = peopleIn(awareness);
      if (facesText(now) !== facesText(faces)) faces = now;
      return faces;
    },
    subscribe: (listener: () => void) => {
      awareness.on("change", listener);
      return () => awareness.off("change", listener);
    },
  };
}

/** Words that the server did not take from this person, to copy or to discard. */
export function useDrafts(drafts: Drafts, documentId: string): readonly Draft[] {
  return useSyncExternalStore(drafts.subscribe, () => drafts.list(documentId));
}

function facesText(people: readonly Person[]): string {
  return JSON.stringify(people.map(({ clientId, user, composing }) => [clientId, user, composing]));
}
