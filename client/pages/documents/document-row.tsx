import { useState } from "react";
import { Link } from "react-router";
import type { DocumentSummary, User } from "#shared/http.ts";
import { mayOnDocument } from "#shared/permissions.ts";
import { Ago } from "../../components/ago.tsx";
import { untitled } from "../../components/untitled.ts";
import styles from "./document-row.module.css";
import { DocumentRowMenu } from "./document-row-menu.tsx";
import { RenameForm } from "./rename-form.tsx";

/** One manuscript: title, first line, people, when; a red dot while the model writes in it. */
export function DocumentRow({ document, user }: { document: DocumentSummary; user: User }) {
  const [renaming, setRenaming] = useState(false);
  const isOwner = mayOnDocument(
    {
      accountRole: user.role,
      documentRole: document.role,
      editorsMayRun: document.editorsMayRun,
      archived: document.archivedAt !== null,
    },
    "archive",
  );
  return (
    <li className={styles.row}>
      <div className={styles.words}>
        {renaming ? (
          <RenameForm document={document} onDone={() => setRenaming(false)} />
        ) : (
          <Heading document={document} />
        )}
        {document.excerpt !== "" && <p className={styles.excerpt}>{document.excerpt}</p>}
        <p className={styles.facts}>
          {peopleSentence(document, user.id)}
          <span aria-hidden="true"> · </span>
          <Ago time={document.updatedAt} />
        </p>
      </div>
      {isOwner && !renaming && (
        <DocumentRowMenu document={document} onRename={() => setRenaming(true)} />
      )}
    </li>
  );
}

/** An admin's list names documents that the admin cannot read, so those lead nowhere. */
function Heading({ document }: { document: DocumentSummary }) {
  const isWritten = document.run?.state === "streaming" || document.run?.state === "queued";
  const title = document.title === "" ? untitled : document.title;
  return (
    <h2 className={styles.title}>
      {document.role === null ? title : <Link to={`/documents/${document.id}`}>{title}</Link>}
      {isWritten && (
        <span className={styles.live}>
          <span className={styles.dot} aria-hidden="true" />
          being written
        </span>
      )}
    </h2>
  );
}

/** "Yours, with Ana and Ben", "Ana's", "Ana's, with you and Ben" … */
function peopleSentence(document: DocumentSummary, accountId: string): string {
  const others = document.people
    .filter(({ id }) => id !== document.owner.id)
    .map(({ id, name }) => (id === accountId ? "you" : name));
  const owner = document.owner.id === accountId ? "Yours" : `${document.owner.name}’s`;
  if (others.length === 0) return owner;
  const names = new Intl.ListFormat("en").format(
    others.length > 3 ? [...others.slice(0, 2), `${others.length - 2} others`] : others,
  );
  return `${owner}, with ${names}`;
}
