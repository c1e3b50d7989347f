import { useMemo, useSyncExternalStore } from "react";
import type * as Y from "yjs";
import type { DocumentConnection } from "../editor/document-connection.ts";

/** An edit this young is what the model reads when it reads again. */
const recentMs = 3_000;

/** Whether this page changed the document within the last three seconds. */
export function useRecentOwnEdit(connection: DocumentConnection): boolean {
  const edits = useMemo(() => createRecentEdit(connection), [connection]);
  return useSyncExternalStore(edits.subscribe, edits.isRecent);
}

function createRecentEdit(connection: DocumentConnection) {
  let recent = false;
  const subscribe = (listener: () => void) => {
    let doc = connection.getSnapshot().replica.doc;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tell = (next: boolean) => {
      if (next === recent) return;
      recent = next;
      listener();
    };
    const onTransaction = (transaction: Y.Transaction) => {
      // Yjs's own formatting clean-up is local too, and has no origin.
      if (!transaction.local || transaction.origin === null) return;
      clearTimeout(timer);
      timer = setTimeout(() => tell(false), recentMs);
      tell(true);
    };
    // A refused copy is replaced by another document.
    const watch = () => {
      doc.off("afterTransaction", onTransaction);
      doc = connection.getSnapshot().replica.doc;
      doc.on("afterTransaction", onTransaction);
    };
    watch();
    const unsubscribe = connection.subscribe(watch);
    return () => {
      unsubscribe();
      doc.off("afterTransaction", onTransaction);
      clearTimeout(timer);
    };
  };
  return { subscribe, isRecent: () => recent };
}
