import { Button } from "@mantine/core";
import { IconArchiveOff, IconPlayerStop } from "@tabler/icons-react";
import type { DocumentSummary, User } from "#shared/http.ts";
import { useChangeDocument } from "../../api/documents.ts";
import { sentenceOf } from "../../api/request.ts";
import styles from "./run-dock.module.css";

interface ArchivedDockProps {
  document: DocumentSummary;
  user: User;
  mayBringBack: boolean;
  /** Ends the run that waits here; undefined where there is none, or who reads it may not. */
  stop: (() => void) | undefined;
  /** Why it could not be ended. */
  failure: string | null;
}

/** In the dock's place while the document rests: that it does, its paused run's end, and the owner's way back. */
export function ArchivedDock({ document, user, mayBringBack, stop, failure }: ArchivedDockProps) {
  const change = useChangeDocument(document.id);
  const owner = document.owner.id === user.id ? "you bring" : `${document.owner.name} brings`;
  return (
    <section className={styles.dock} aria-label="Archived">
      {(change.error ?? failure) !== null && (
        <p role="alert" className={styles.failure}>
          {change.error ? sentenceOf(change.error) : failure}
        </p>
      )}
      <div className={styles.bar}>
        <output className={styles.sentence}>
          Archived. Nobody can change it until {owner} it back.
        </output>
        {(stop !== undefined || mayBringBack) && (
          <div className={styles.buttons}>
            {stop && (
              <Button
                variant="default"
                className={styles.pill ?? ""}
                leftSection={<IconPlayerStop size={16} aria-hidden="true" />}
                onClick={stop}
              >
                Stop its run
              </Button>
            )}
            {mayBringBack && (
              <Button
                className={styles.pill ?? ""}
                leftSection={<IconArchiveOff size={16} aria-hidden="true" />}
                aria-busy={change.isPending}
                onClick={() => change.mutate({ archived: false })}
              >
                Bring it back
              </Button>
            )}
          </div>
        )}
      </div>
    </section>
  );
}
