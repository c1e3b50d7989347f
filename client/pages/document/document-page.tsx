import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { useParams } from "react-router";
import type { DocumentSummary, User } from "#shared/http.ts";
import { documentQuery } from "../../api/documents.ts";
import { ApiError } from "../../api/request.ts";
import { useAccountEnded } from "../../components/account-ended.ts";
import { AccountEndedNotice } from "../../components/account-ended-notice.tsx";
import { createDrafts } from "../../editor/drafts.ts";
import { keepLeftWords } from "../../editor/left-words.ts";
import { useConnection } from "../../editor/use-connection.ts";
import { useDocumentsChanged } from "../../live/use-documents-changed.ts";
import { DocumentDesk } from "./document-desk.tsx";
import { Drafts } from "./drafts.tsx";
import { NoDocument } from "./no-document.tsx";

/** `/documents/:documentId`: finds the document, opens its connection, and lays out the desk. */
export function DocumentPage({ user }: { user: User }) {
  useDocumentsChanged();
  const { documentId = "" } = useParams();
  const ended = useAccountEnded();
  const found = useQuery(documentQuery(documentId));
  if (found.data) {
    return <OpenDocument key={documentId} user={user} document={found.data} />;
  }
  if (ended !== null) return <AccountEndedNotice ended={ended} />;
  if (found.error) {
    return (
      <>
        <KeptDrafts
          accountId={user.id}
          documentId={documentId}
          isGone={found.error instanceof ApiError && found.error.status === 404}
        />
        <NoDocument error={found.error} />
      </>
    );
  }
  return null;
}

interface KeptDraftsProps {
  accountId: string;
  documentId: string;
  /** The server knows no such document for this person: no page will open its copies again. */
  isGone: boolean;
}

/** What this person wrote outlives the right to open the document. */
function KeptDrafts({ accountId, documentId, isGone }: KeptDraftsProps) {
  const drafts = useMemo(() => createDrafts(localStorage, accountId), [accountId]);
  useEffect(() => {
    if (!isGone) return;
    void keepLeftWords({ accountId, documentId, drafts, reason: "gone", isLeft: () => true });
  }, [accountId, documentId, drafts, isGone]);
  return <Drafts drafts={drafts} documentId={documentId} />;
}

function OpenDocument({ user, document }: { user: User; document: DocumentSummary }) {
  const connection = useConnection(
    document.id,
    user.id,
    document.restoreEpoch,
    document.role !== "watcher",
  );
  if (connection === null) return null;
  return <DocumentDesk user={user} document={document} connection={connection} />;
}
