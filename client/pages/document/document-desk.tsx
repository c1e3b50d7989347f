import { useMediaQuery } from "@mantine/hooks";
import { useCallback, useEffect, useRef, useState } from "react";
import { useLocation } from "react-router";
import type { DocumentSummary, User } from "#shared/http.ts";
import { type DocumentAction, type DocumentRole, mayOnDocument } from "#shared/permissions.ts";
import { isLive } from "#shared/run.ts";
import { useAccountEnded } from "../../components/account-ended.ts";
import { useShortcuts } from "../../components/use-shortcuts.ts";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import { Manuscript } from "../../editor/manuscript.tsx";
import type { ManuscriptControls } from "../../editor/manuscript-editor.ts";
import { coloursOf } from "../../editor/person-colour.ts";
import { useConnectionState } from "../../editor/use-connection.ts";
import { type DocumentLive, useDocumentLive } from "../../live/use-document-live.ts";
import { useRunStat } from "../../live/use-run-stats.ts";
import { ArchivedDock } from "./archived-dock.tsx";
import styles from "./document-desk.module.css";
import { DocumentHeader } from "./document-header.tsx";
import { Drafts } from "./drafts.tsx";
import { LostAccess, LostAccount } from "./lost-access.tsx";
import { RunDock } from "./run-dock.tsx";
import { RunMargin } from "./run-margin.tsx";
import { SidePanel } from "./side-panel.tsx";
import { useFollow } from "./use-follow.ts";
import { useModelChoice } from "./use-model-choice.ts";
import { usePanel } from "./use-panel.ts";
import { useRunActions } from "./use-run-actions.ts";
import { useSamplingChoice } from "./use-sampling-choice.ts";
import { WornNotice } from "./worn-notice.tsx";

interface DocumentDeskProps {
  user: User;
  document: DocumentSummary;
  connection: DocumentConnection;
}

/** A document's page: the text in its column, the frame around it, the dock under it. */
export function DocumentDesk({ user, document, connection }: DocumentDeskProps) {
  const controls = useRef<ManuscriptControls | null>(null);
  const [readControls, setReadControls] = useState<ManuscriptControls | null>(null);
  const live = useDocumentLive(document.id, () => controls.current?.stateVector());
  const isGone = useConnectionState(connection, ({ save }) => save === "gone");
  const ended = useAccountEnded();
  const role = live.role === undefined ? document.role : live.role;
  const may = useMay(user, document, role);
  const [showAuthors, setShowAuthors] = useState(false);
  const [helpOpen, setHelpOpen] = useState(false);
  const isPhone = useMediaQuery("(max-width: 48em)") ?? false;
  const panel = usePanel(isPhone);
  const follow = useFollow();
  const sampling = useSamplingChoice(live, may("generate"));
  const model = useModelChoice(live, may("generate"));
  const actions = useRunActions({ live, may, sampling, model, controls });
  const windowStart = useRunStat(live, (stats) => stats?.window ?? null);
  const isNew = saysNew(useLocation().state);
  // At once: the next key pressed is the text's.
  const focusText = useCallback(() => controls.current?.editor.view.focus(), []);

  useRereadShown(live, controls);
  useShortcuts({
    startOrPause: actions.main?.act,
    stop: actions.stop,
    follow: follow.toggle,
    panel: panel.toggle,
    help: () => setHelpOpen((open) => !open),
  });

  if (ended !== null) return <LostAccount ended={ended} connection={connection} />;
  if (role === null || isGone) return <LostAccess connection={connection} />;
  const run = live.run !== null && isLive(live.run.state) ? live.run : null;
  return (
    <div
      className={styles.desk}
      data-panel={panel.open && !isPhone}
      style={coloursOf(document.people.map(({ id }) => id))}
    >
      <DocumentHeader
        user={user}
        document={document}
        connection={connection}
        may={may}
        isNew={isNew}
        panel={panel}
        showAuthors={showAuthors}
        onShowAuthors={setShowAuthors}
        helpOpen={helpOpen}
        onHelpOpen={setHelpOpen}
        onTitleDone={focusText}
      />
      <Drafts drafts={connection.drafts} documentId={connection.documentId} />
      <WornNotice user={user} document={document} connection={connection} />
      <main className={styles.page}>
        <div className={styles.column}>
          <Manuscript
            connection={connection}
            editable={may("write")}
            run={
              run && {
                caret: run.caret,
                state: run.state === "streaming" ? "breathing" : "still",
                modelName: model.name,
              }
            }
            windowStart={run && windowStart}
            showAuthors={showAuthors}
            onReady={(ready) => {
              controls.current = ready;
              setReadControls(ready);
              follow.attach(ready);
            }}
          />
          <RunMargin controls={readControls} document={document} live={live} user={user} />
        </div>
      </main>
      {document.archivedAt === null ? (
        <RunDock
          live={live}
          user={user}
          connection={connection}
          actions={actions}
          follow={follow}
        />
      ) : (
        <ArchivedDock
          document={document}
          user={user}
          mayBringBack={may("archive")}
          stop={actions.stop}
          failure={live.failure}
        />
      )}
      {panel.open && (
        <SidePanel
          panel={panel}
          isSheet={isPhone}
          user={user}
          document={document}
          connection={connection}
          live={live}
          sampling={sampling}
          model={model}
          may={may}
        />
      )}
    </div>
  );
}

/** What the person may do here; the same function until that is something else. */
function useMay(
  { role: accountRole }: User,
  { editorsMayRun, archivedAt }: DocumentSummary,
  documentRole: DocumentRole | null,
): (action: DocumentAction) => boolean {
  const archived = archivedAt !== null;
  return useCallback(
    (action) => mayOnDocument({ accountRole, documentRole, editorsMayRun, archived }, action),
    [accountRole, documentRole, editorsMayRun, archived],
  );
}

/** The list leads to a document that it has just made with `{ newDocument: true }`. */
function saysNew(state: unknown): boolean {
  return typeof state === "object" && state !== null && "newDocument" in state;
}

/** Sweeps over the text each time the model has read an edit. */
function useRereadShown(
  { reread }: DocumentLive,
  controls: { readonly current: ManuscriptControls | null },
): void {
  useEffect(() => {
    if (reread !== null) controls.current?.showReread();
  }, [reread, controls]);
}
