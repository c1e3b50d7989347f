import { Button, Popover } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Version } from "#shared/http.ts";
import { useRestoreVersion, versionsQuery } from "../../api/documents.ts";
import { sentenceOf } from "../../api/request.ts";
import { Ago } from "../../components/ago.tsx";
import type { DocumentLive } from "../../live/use-document-live.ts";
import { KeepVersion } from "./keep-version.tsx";
import styles from "./versions-panel.module.css";

const kinds: { readonly [kind in Version["kind"]]: string } = {
  automatic: "Kept automatically",
  run: "Kept at a run",
  named: "Named",
};

interface VersionsPanelProps {
  documentId: string;
  live: DocumentLive;
  mayKeep: boolean;
  mayRestore: boolean;
}

/** The kept states, newest first; a writer can keep one by name, the owner can bring one back. */
export function VersionsPanel(props: VersionsPanelProps) {
  return (
    <>
      {props.mayKeep && <KeepVersion documentId={props.documentId} />}
      <VersionList {...props} />
    </>
  );
}

function VersionList({ documentId, live, mayRestore }: VersionsPanelProps) {
  // A run that starts, pauses or ends leaves a version behind.
  const versions = useQuery(versionsQuery(documentId, `${live.run?.id} ${live.run?.state}`));
  if (versions.error) return <p role="alert">{sentenceOf(versions.error)}</p>;
  if (versions.data?.length === 0) {
    return (
      <p className={styles.none}>
        No versions yet. One is kept whenever the model starts, pauses or ends.
      </p>
    );
  }
  return (
    <ol className={styles.versions}>
      {versions.data?.map((version) => (
        <li key={version.id}>
          <div>
            <strong>{version.label ?? kinds[version.kind]}</strong>
            <span>
              <Ago time={version.createdAt} />
              {version.createdBy && `, ${version.createdBy.name}`}
            </span>
          </div>
          {mayRestore && <RestoreButton documentId={documentId} version={version} />}
        </li>
      ))}
    </ol>
  );
}

function RestoreButton({ documentId, version }: { documentId: string; version: Version }) {
  const [opened, setOpened] = useState(false);
  const restore = useRestoreVersion(documentId);
  return (
    <Popover opened={opened} onChange={setOpened} width={280} position="bottom-end">
      <Popover.Target>
        <Button
          variant="subtle"
          size="compact-sm"
          aria-label={`Restore ${version.label ?? kinds[version.kind]}`}
          onClick={() => setOpened(!opened)}
        >
          Restore
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Restore this version">
        <p className={styles.question}>
          The text becomes this version again, and a run that is writing pauses. What stands now is
          kept as a version too.
        </p>
        {restore.error && <p role="alert">{sentenceOf(restore.error)}</p>}
        <Button
          size="xs"
          aria-busy={restore.isPending}
          onClick={() => restore.mutate(version.id, { onSuccess: () => setOpened(false) })}
        >
          Restore this text
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
