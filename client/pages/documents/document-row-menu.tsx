import { ActionIcon, Menu } from "@mantine/core";
import { IconArchive, IconArchiveOff, IconDots, IconPencil } from "@tabler/icons-react";
import type { DocumentSummary } from "#shared/http.ts";
import { useChangeDocument } from "../../api/documents.ts";
import { sentenceOf } from "../../api/request.ts";
import styles from "./document-row-menu.module.css";

/** What the owner can do to a manuscript without opening it. */
export function DocumentRowMenu({
  document,
  onRename,
}: {
  document: DocumentSummary;
  onRename: () => void;
}) {
  const change = useChangeDocument(document.id);
  const isArchived = document.archivedAt !== null;
  return (
    <div className={styles.menu}>
      {change.error && <span role="alert">{sentenceOf(change.error)}</span>}
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={`More for ${document.title}`}>
            <IconDots size={18} aria-hidden="true" />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {!isArchived && (
            <Menu.Item leftSection={<IconPencil size={16} aria-hidden="true" />} onClick={onRename}>
              Rename
            </Menu.Item>
          )}
          <Menu.Item
            leftSection={
              isArchived ? (
                <IconArchiveOff size={16} aria-hidden="true" />
              ) : (
                <IconArchive size={16} aria-hidden="true" />
              )
            }
            onClick={() => change.mutate({ archived: !isArchived })}
          >
            {isArchived ? "Bring it back" : "Archive"}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}
