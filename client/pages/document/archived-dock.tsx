import { Button } from "@mantine/core";
import { IconArchiveOff } from "@tabler/icons-react";
import type { DocumentSummary, User } from "#shared/http.ts";
import { useChangeDocument } from "../../api/documents.ts";
import { sentenceOf } from "../../api/request.ts";
import styles from "./run-dock.module.css";

interface ArchivedDockProps {
  document: DocumentSummary;
  user: User;
  mayBringBack: boolean;
}

/** In the dock's place while the document rests: that it does, and the owner's way back. */
export function ArchivedDock({ document, user, mayBringBack }: ArchivedDockProps) {
  const change = useChangeDocument(document.id);
  const owner = document.owner.id === user.id ? "you bring" : `${document.owner.name} brings`;
  return (
    <section className={styles.dock} aria-label="Archived">
      {change.error && (
        <p role="alert" className={styles.failure}>
          {sentenceOf(change.error)}
        </p>
      )}
      <div className={styles.bar}>
        <output className={styles.sentence}>
          Archived. Nobody can change it until {owner} it back.
        </output>
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
    </section>
  );
}
