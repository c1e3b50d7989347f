import { useEffect, useState, useSyncExternalStore } from "react";
import {
  createDocumentConnection,
  type DocumentConnection,
  type SaveState,
} from "./document-connection.ts";
import { createDrafts, type Draft } from "./drafts.ts";
import { openOfflineCopy } from "./offline-copy.ts";
import { type Person, peopleIn } from "./presence-state.ts";

/** The document's connection while the component is mounted; null for the moment before it opens. */
export function useConnection(
  documentId: string,
  accountId: string,
  restoreEpoch: number,
): DocumentConnection | null {
  const [connection, setConnection] = useState<DocumentConnection | null>(null);
  useEffect(() => {
    const opened = createDocumentConnection({
      documentId,
      accountId,
      restoreEpoch,
      syncUrl: `${location.origin.replace(/^http/, "ws")}/sync`,
      drafts: createDrafts(localStorage, accountId),
      openOfflineCopy,
    });
    setConnection(opened);
    return () => {
      setConnection(null);
      void opened.close();
    };
  }, [documentId, accountId, restoreEpoch]);
  return connection;
}

/** What the page says about the words: "saved", "saving", "offline" and so on. */
export function useSaveState(connection: DocumentConnection): SaveState {
  return useSyncExternalStore(connection.subscribe, () => connection.getSnapshot().save);
}

/** The others who have the document open, one entry a connection. */
export function usePeople(connection: DocumentConnection): readonly Person[] {
  const { replica } = useSyncExternalStore(connection.subscribe, connection.getSnapshot);
  const { awareness } = replica;
  const [people, setPeople] = useState<readonly Person[]>([]);
  useEffect(() => {
    // Carets move all the time; the list of faces changes only with who is here and who composes.
    const look = () => setPeople((before) => keepSame(before, peopleIn(awareness)));
    look();
    awareness.on("change", look);
    return () => awareness.off("change", look);
  }, [awareness]);
  return people;
}

/** Words that the server did not take from this person, to copy or to discard. */
export function useDrafts(connection: DocumentConnection): readonly Draft[] {
  return useSyncExternalStore(connection.drafts.subscribe, () =>
    connection.drafts.list(connection.documentId),
  );
}

function keepSame(before: readonly Person[], now: readonly Person[]): readonly Person[] {
  const text = (people: readonly Person[]) =>
    JSON.stringify(people.map(({ clientId, user, composing }) => [clientId, user, composing]));
  return text(before) === text(now) ? before : now;
}
