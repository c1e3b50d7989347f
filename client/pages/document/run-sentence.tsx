import { VisuallyHidden } from "@mantine/core";
import type { User } from "#shared/http.ts";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import { useRecentOwnEdit } from "../../live/recent-edit.ts";
import { runSentence } from "../../live/run-sentences.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";
import { useRunStat } from "../../live/use-run-stats.ts";
import styles from "./run-sentence.module.css";

/**
 * What the run does, or who did what last. It is spoken politely when it changes; that the model
 * reads an edit is only shown, for it does so at each of them.
 */
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
  const view = {
    run: live.run,
    connected: live.link !== "away",
    queuePosition: useRunStat(live, (stats) => stats?.queuePosition ?? 0),
    accountId: user.id,
    editedByReader,
  };
  const refusal = live.link === "refused" ? live.refusal : null;
  return (
    <div className={styles.sentence}>
      {isWriting && <span className={styles.dot} aria-hidden="true" />}
      <span data-testid="run-state" aria-hidden="true">
        {refusal ?? runSentence({ ...view, rereading: live.reread !== null })}
      </span>
      <VisuallyHidden>
        <output>{refusal ?? runSentence({ ...view, rereading: false })}</output>
      </VisuallyHidden>
    </div>
  );
}
