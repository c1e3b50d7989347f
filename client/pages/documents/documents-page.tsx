import { Button, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import type { User } from "#shared/http.ts";
import { mayGlobally } from "#shared/permissions.ts";
import { documentsQuery, useCreateDocument } from "../../api/documents.ts";
import { PageHeader } from "../../components/page-header.tsx";
import { Refusal } from "../../components/refusal.tsx";
import { untitled } from "../../components/untitled.ts";
import { useDocumentsChanged } from "../../live/use-documents-changed.ts";
import { DocumentRow } from "./document-row.tsx";
import styles from "./documents-page.module.css";

type Shelf = "current" | "archived";

/** The manuscripts of the account, with what is being written now. */
export function DocumentsPage({ user }: { user: User }) {
  useDocumentsChanged();
  const documents = useQuery(documentsQuery);
  const [shelf, setShelf] = useState<Shelf>("current");
  const navigate = useNavigate();
  const create = useCreateDocument();
  const mayCreate = mayGlobally(user.role, "createDocument");
  useEffect(() => {
    document.title = "Documents · Palimpsest";
  }, []);

  const createAndOpen = () =>
    create.mutate(
      { title: untitled },
      {
        onSuccess: ({ id }) => {
          void navigate(`/documents/${id}`, { state: { newDocument: true } });
        },
      },
    );
  const all = documents.data ?? [];
  const shown = all.filter(({ archivedAt }) => (archivedAt !== null) === (shelf === "archived"));
  const failure = create.error ?? documents.error;
  const newDocument = (
    <Button onClick={createAndOpen} aria-busy={create.isPending}>
      New document
    </Button>
  );

  return (
    <>
      <PageHeader user={user} />
      <main className={styles.column}>
        <div className={styles.top}>
          <h1>Documents</h1>
          {all.some(({ archivedAt }) => archivedAt !== null) && (
            <SegmentedControl
              aria-label="Which documents"
              size="xs"
              value={shelf}
              onChange={setShelf}
              data={[
                { value: "current", label: "Current" },
                { value: "archived", label: "Archived" },
              ]}
            />
          )}
          {mayCreate && all.length > 0 && newDocument}
        </div>
        {failure !== null && <Refusal error={failure} />}
        {shown.length > 0 && (
          <ul className={styles.list}>
            {shown.map((summary) => (
              <DocumentRow key={summary.id} document={summary} user={user} />
            ))}
          </ul>
        )}
        {documents.isSuccess && shown.length === 0 && (
          <div className={styles.empty}>
            <p>{emptySentence(shelf, all.length > 0, mayCreate)}</p>
            {mayCreate && all.length === 0 && newDocument}
          </div>
        )}
      </main>
    </>
  );
}

function emptySentence(shelf: Shelf, someElsewhere: boolean, mayCreate: boolean): string {
  if (shelf === "archived") return "Nothing is archived.";
  if (someElsewhere) return "All of your documents are archived.";
  if (mayCreate) {
    return "Nothing written yet. Start with a sentence; the model takes it from there.";
  }
  return "Nothing here yet. A document appears as soon as someone shares one with you.";
}
