import { Button } from "@mantine/core";
import { Link } from "react-router";
import type { AccountEnded } from "#shared/socket-events.ts";
import { AccountEndedNotice } from "../../components/account-ended-notice.tsx";
import { Notice } from "../../components/notice.tsx";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import { Drafts } from "./drafts.tsx";

/** The document was taken from this person while it was open; words not yet taken in can be copied. */
export function LostAccess({ connection }: { connection: DocumentConnection }) {
  return (
    <>
      <Drafts drafts={connection.drafts} documentId={connection.documentId} />
      <Notice title="This document is no longer shared with you">
        <p>Ask its owner if you think that this is a mistake.</p>
        <Button component={Link} to="/">
          Go to your documents
        </Button>
      </Notice>
    </>
  );
}

/** The account was ended while its document was open; words not yet taken in can be copied. */
export function LostAccount({
  ended,
  connection,
}: {
  ended: AccountEnded;
  connection: DocumentConnection;
}) {
  return (
    <>
      <Drafts drafts={connection.drafts} documentId={connection.documentId} />
      <AccountEndedNotice ended={ended} />
    </>
  );
}
