import { useQuery } from "@tanstack/react-query";
import { useCallback, useRef } from "react";
import { useParams } from "react-router";
import type { DocumentSummary, User } from "#shared/http.ts";
import { isLive } from "#shared/run.ts";
import { documentQuery } from "../../api/documents.ts";
import { modelsQuery } from "../../api/models.ts";
import { Faces } from "../../components/faces.tsx";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import { Manuscript } from "../../editor/manuscript.tsx";
import type { ManuscriptControls } from "../../editor/manuscript-editor.ts";
import { coloursOf } from "../../editor/person-colour.ts";
import { Title } from "../../editor/title.tsx";
import { useConnection, usePeople } from "../../editor/use-connection.ts";
import { useDocumentLive } from "../../live/use-document-live.ts";
import { LostAccess } from "../document/lost-access.tsx";
import { NoDocument } from "../document/no-document.tsx";
import { RunSpeed } from "../document/run-figures.tsx";
import { RunSentence } from "../document/run-sentence.tsx";
import { useTitleOfPage } from "../document/use-title-of-page.ts";
import styles from "./watch-page.module.css";

/** `/watch/:documentId`: the document on a big screen, following the model; nothing to press. */
export function WatchPage({ user }: { user: User }) {
  const { documentId = "" } = useParams();
  const found = useQuery(documentQuery(documentId));
  if (found.data) return <Watched key={documentId} user={user} document={found.data} />;
  if (found.error) return <NoDocument error={found.error} />;
  return null;
}

function Watched({ user, document }: { user: User; document: DocumentSummary }) {
  const connection = useConnection(
    document.id,
    user.id,
    document.restoreEpoch,
    document.role !== "watcher",
  );
  if (connection === null) return null;
  return <Screen user={user} document={document} connection={connection} />;
}

interface ScreenProps {
  user: User;
  document: DocumentSummary;
  connection: DocumentConnection;
}

function Screen({ user, document, connection }: ScreenProps) {
  const controls = useRef<ManuscriptControls | null>(null);
  const live = useDocumentLive(document.id, () => controls.current?.stateVector());
  useTitleOfPage(connection, document);
  const models = useQuery(modelsQuery);
  const people = usePeople(connection).map((person) => person.user);
  const follow = useCallback((ready: ManuscriptControls) => {
    controls.current = ready;
    ready.setFollow(true);
  }, []);
  if (live.role === null) return <LostAccess connection={connection} />;
  const run = live.run !== null && isLive(live.run.state) ? live.run : null;
  return (
    <main className={styles.screen} style={coloursOf(document.people.map(({ id }) => id))}>
      <header className={styles.header}>
        <Title className={styles.title ?? ""} connection={connection} editable={false} />
        <Faces people={[...new Map(people.map((person) => [person.id, person])).values()]} />
      </header>
      <Manuscript
        className={styles.manuscript ?? ""}
        connection={connection}
        editable={false}
        run={
          run && {
            caret: run.caret,
            state: run.state === "streaming" ? "breathing" : "still",
            modelName: models.data?.find(({ id }) => id === run.model)?.name ?? "Model",
          }
        }
        windowStart={null}
        showAuthors={false}
        placeholder=""
        onReady={follow}
      />
      <footer className={styles.footer}>
        <RunSentence live={live} user={user} connection={connection} />
        <RunSpeed live={live} />
      </footer>
    </main>
  );
}
