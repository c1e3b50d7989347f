import { Button } from "@mantine/core";
import { useMemo, useState, useSyncExternalStore } from "react";
import { useNavigate } from "react-router";
import type { DocumentSummary, User } from "#shared/http.ts";
import { mayGlobally } from "#shared/permissions.ts";
import { useCreateDocument } from "../../api/documents.ts";
import { sentenceOf } from "../../api/request.ts";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import { createBudgetWatch } from "../../editor/item-budget.ts";
import { useConnectionState } from "../../editor/use-connection.ts";
import styles from "./worn-notice.module.css";

const titleMaxCharacters = 200;
const copySuffix = " (clean copy)";

interface WornNoticeProps {
  user: User;
  document: DocumentSummary;
  connection: DocumentConnection;
}

/** Says quietly that the manuscript grows slow, and offers a copy without its past. */
export function WornNotice({ user, document, connection }: WornNoticeProps) {
  const ready = useConnectionState(connection, (state) => state.ready);
  const replica = useConnectionState(connection, (state) => state.replica);
  // Its first look counts what there is once the text has come.
  const watch = useMemo(() => ready && createBudgetWatch(replica.body), [ready, replica]);
  const isWorn = useSyncExternalStore(
    watch ? watch.subscribe : unwatched,
    () => watch && watch.getSnapshot(),
  );
  const [hidden, setHidden] = useState(false);
  const mayCreate = mayGlobally(user.role, "createDocument");
  if (!isWorn || hidden) return null;
  return (
    <section className={styles.notice} aria-label="This manuscript grows slow">
      <p>
        This manuscript has been changed so often that it grows slow.{" "}
        {mayCreate
          ? "A clean copy has the same text and none of its history."
          : "A sponsor can make a clean copy of it."}
      </p>
      {mayCreate && <CopyButton document={document} />}
      <Button variant="subtle" size="compact-sm" onClick={() => setHidden(true)}>
        Not now
      </Button>
    </section>
  );
}

function CopyButton({ document }: { document: DocumentSummary }) {
  const navigate = useNavigate();
  const create = useCreateDocument();
  const title = document.title.slice(0, titleMaxCharacters - copySuffix.length) + copySuffix;
  const copy = () =>
    create.mutate(
      { title, copyOf: document.id },
      { onSuccess: ({ id }) => void navigate(`/documents/${id}`) },
    );
  return (
    <>
      {create.error && <p role="alert">{sentenceOf(create.error)}</p>}
      <Button variant="default" size="compact-sm" aria-busy={create.isPending} onClick={copy}>
        Make a clean copy
      </Button>
    </>
  );
}

function unwatched() {
  return () => {};
}
