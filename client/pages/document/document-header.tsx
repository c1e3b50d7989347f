import { ActionIcon, Tooltip } from "@mantine/core";
import { IconArrowLeft, IconLayoutSidebarRight } from "@tabler/icons-react";
import { memo, useEffect, useRef } from "react";
import { Link } from "react-router";
import type { DocumentSummary, User } from "#shared/http.ts";
import type { DocumentAction } from "#shared/permissions.ts";
import { Faces } from "../../components/faces.tsx";
import { NameWithKeys } from "../../components/keys.tsx";
import { saveSentences } from "../../components/save-sentences.ts";
import { untitled } from "../../components/untitled.ts";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import { Title } from "../../editor/title.tsx";
import { useConnectionState, usePeople } from "../../editor/use-connection.ts";
import styles from "./document-header.module.css";
import { MoreMenu, type MoreMenuProps } from "./more-menu.tsx";
import { SharePopover } from "./share-popover.tsx";
import type { Panel } from "./use-panel.ts";
import { useTitleOfPage } from "./use-title-of-page.ts";

interface DocumentHeaderProps extends MoreMenuProps {
  user: User;
  document: DocumentSummary;
  connection: DocumentConnection;
  may: (action: DocumentAction) => boolean;
  /** The document was made a moment ago: its title waits to be written. */
  isNew: boolean;
  panel: Panel;
  onTitleDone: () => void;
}

/** Back, title, Saved; who is here, Share, the panel, more. Of a run it shows nothing. */
export const DocumentHeader = memo(function DocumentHeader(props: DocumentHeaderProps) {
  const { user, document, connection, may, panel } = props;
  const title = useRef<HTMLDivElement>(null);
  useTitleOfPage(connection, document);
  useFocusOnNew(title, connection, props.isNew);
  const here = uniquePeople(usePeople(connection), user.id);
  return (
    <header className={styles.header}>
      <Tooltip label="Documents">
        <ActionIcon component={Link} to="/" aria-label="Documents">
          <IconArrowLeft size={18} aria-hidden="true" />
        </ActionIcon>
      </Tooltip>
      <div ref={title} className={styles.title}>
        <Title
          className={styles.titleField ?? ""}
          connection={connection}
          editable={may("write")}
          onEnter={props.onTitleDone}
        />
      </div>
      <SaveMark connection={connection} isReader={!may("write")} />
      <div className={styles.right}>
        <Faces people={here} />
        {may("assign") && <SharePopover document={document} />}
        <Tooltip
          label={
            <NameWithKeys name={panel.open ? "Fold the panel" : "Open the panel"} of="panel" />
          }
        >
          <ActionIcon aria-label="Panel" aria-expanded={panel.open} onClick={panel.toggle}>
            <IconLayoutSidebarRight size={18} aria-hidden="true" />
          </ActionIcon>
        </Tooltip>
        <MoreMenu {...props} />
      </div>
    </header>
  );
});

interface SaveMarkProps {
  connection: DocumentConnection;
  isReader: boolean;
}

/** "Saved" and its like; a reader has nothing to save and is told only of the connection. */
function SaveMark({ connection, isReader }: SaveMarkProps) {
  const save = useConnectionState(connection, (state) => state.save);
  const sentence =
    isReader && (save === "saved" || save === "saving") ? "Read only" : saveSentences[save];
  return (
    <p className={styles.save} data-testid="save-state" data-save={save}>
      {sentence}
    </p>
  );
}

/** One face a person, oneself left out, however many tabs each has open. */
function uniquePeople(
  people: readonly { user: { id: string; name: string } }[],
  accountId: string,
): { id: string; name: string }[] {
  const byId = new Map(people.map(({ user }) => [user.id, user]));
  byId.delete(accountId);
  return [...byId.values()];
}

/** Puts a new document's title under the cursor, all of it selected, once. */
function useFocusOnNew(
  place: { readonly current: HTMLElement | null },
  connection: DocumentConnection,
  isNew: boolean,
): void {
  const ready = useConnectionState(connection, (state) => state.ready);
  const done = useRef(false);
  useEffect(() => {
    if (!isNew || !ready || done.current) return;
    done.current = true;
    const { title } = connection.getSnapshot().replica;
    if (title.toJSON() === untitled) place.current?.querySelector("input")?.select();
  }, [isNew, ready, place, connection]);
}
