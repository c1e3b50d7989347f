import type { User } from "#shared/http.ts";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import { useRecentOwnEdit } from "../../live/recent-edit.ts";
import { runSentence } from "../../live/run-sentences.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";
import styles from "./run-sentence.module.css";

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
  const editedByReader = useRecentOwnEdit(connection);
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
          editedByReader,
        });
  return (
    <output className={styles.sentence}>
      {isWriting && <span className={styles.dot} aria-hidden="true" />}
      <span data-testid="run-state">{sentence}</span>
    </output>
  );
}
