import { Button } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import type { Draft, Drafts as DraftStore } from "../../editor/drafts.ts";
import { useDrafts } from "../../editor/use-connection.ts";
import styles from "./drafts.module.css";

const reasons: { readonly [reason in Draft["reason"]]: string } = {
  refused: "The server could not take in these words of yours. They are kept here.",
  "read-only": "You may read this document, not write in it. Your words are kept here.",
  "signed-out": "You were signed out before these words were saved. They are kept here.",
  gone: "The document was closed to you before these words were saved. They are kept here.",
};

/** Words that the server did not take, each to copy or to discard. */
export function Drafts({ drafts, documentId }: { drafts: DraftStore; documentId: string }) {
  return useDrafts(drafts, documentId).map((draft) => (
    <DraftStrip key={draft.id} draft={draft} onDiscard={() => drafts.discard(draft.id)} />
  ));
}

function DraftStrip({ draft, onDiscard }: { draft: Draft; onDiscard: () => void }) {
  const clipboard = useClipboard();
  return (
    <section className={styles.draft} aria-label="Words that were not saved">
      <div>
        <output>{reasons[draft.reason]}</output>
        <blockquote>{draft.text}</blockquote>
      </div>
      <Button variant="default" onClick={() => clipboard.copy(draft.text)}>
        {clipboard.copied ? "Copied" : "Copy"}
      </Button>
      <Button variant="subtle" onClick={onDiscard}>
        Discard
      </Button>
    </section>
  );
}
