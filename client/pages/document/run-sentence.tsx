import { useEffect, useRef } from "react";
import type * as Y from "yjs";
import type { User } from "#shared/http.ts";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import { runSentence } from "../../live/run-sentences.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";
import styles from "./run-sentence.module.css";

/** An edit this young is what the model reads when it reads again. */
const recentEditMs = 3_000;

/** What the run does, or who did what last; spoken politely, when the sentence changes. */
export function RunSentence({
  live,
  user,
  connection,
}: {
  live: DocumentLive;
  user: User;
  connection: DocumentConnection;
}) {
  const lastEditMs = useLastOwnEdit(connection);
  const isWriting =
    live.link === "joined" && (live.run?.state === "streaming" || live.run?.state === "queued");
  const sentence =
    live.link === "refused" && live.refusal !== null
      ? live.refusal
      : runSentence({
          run: live.run,
          connected: live.link !== "away",
          queuePosition: live.stats?.queuePosition ?? 0,
          rereading: live.reread !== null,
          accountId: user.id,
          editedByReader: performance.now() - lastEditMs.current < recentEditMs,
        });
  return (
    <p className={styles.sentence} role="status">
      {isWriting && <span className={styles.dot} aria-hidden="true" />}
      <span data-testid="run-state">{sentence}</span>
    </p>
  );
}

/** When this page last changed the text (performance.now()); −∞ before it did. */
function useLastOwnEdit(connection: DocumentConnection): { readonly current: number } {
  const at = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    let watched = connection.getSnapshot().replica.doc;
    const onTransaction = (transaction: Y.Transaction) => {
      if (transaction.local && transaction.changed.size > 0) at.current = performance.now();
    };
    const follow = () => {
      watched.off("afterTransaction", onTransaction);
      watched = connection.getSnapshot().replica.doc;
      watched.on("afterTransaction", onTransaction);
    };
    follow();
    const unsubscribe = connection.subscribe(follow);
    return () => {
      unsubscribe();
      watched.off("afterTransaction", onTransaction);
    };
  }, [connection]);
  return at;
}
