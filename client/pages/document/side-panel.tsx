import { CloseButton, Tabs } from "@mantine/core";
import { useEffect, useEffectEvent, useRef } from "react";
import type { DocumentSummary, User } from "#shared/http.ts";
import type { DocumentAction } from "#shared/permissions.ts";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import type { DocumentLive } from "../../live/use-document-live.ts";
import { PeoplePanel } from "./people-panel.tsx";
import { RunPanel } from "./run-panel.tsx";
import styles from "./side-panel.module.css";
import type { ModelChoice } from "./use-model-choice.ts";
import { type Panel, panelTabs } from "./use-panel.ts";
import type { SamplingChoice } from "./use-sampling-choice.ts";
import { VersionsPanel } from "./versions-panel.tsx";

interface SidePanelProps {
  panel: Panel;
  /** On a phone it comes up from below and covers the text. */
  isSheet: boolean;
  user: User;
  document: DocumentSummary;
  connection: DocumentConnection;
  live: DocumentLive;
  sampling: SamplingChoice;
  model: ModelChoice;
  may: (action: DocumentAction) => boolean;
}

/** The margin's tools: the run's settings, the versions, the people. */
export function SidePanel(props: SidePanelProps) {
  const { panel, isSheet, user, document, connection, live, may } = props;
  const aside = useRef<HTMLElement>(null);
  const { close } = panel;
  const onEscape = useEffectEvent((event: KeyboardEvent) => {
    if (event.key === "Escape") close();
  });
  useEffect(() => {
    if (!isSheet) return undefined;
    aside.current?.focus();
    const listener = (event: KeyboardEvent) => onEscape(event);
    window.addEventListener("keydown", listener);
    return () => window.removeEventListener("keydown", listener);
  }, [isSheet]);
  return (
    <>
      {isSheet && <div className={styles.shade} aria-hidden="true" onClick={panel.close} />}
      <aside
        ref={aside}
        className={styles.panel}
        data-sheet={isSheet}
        aria-label="Panel"
        tabIndex={-1}
      >
        <Tabs
          value={panel.tab}
          keepMounted={false}
          onChange={(value) => {
            const tab = panelTabs.find((each) => each === value);
            if (tab !== undefined) panel.show(tab);
          }}
        >
          <div className={styles.top}>
            <Tabs.List>
              <Tabs.Tab value="run">Run</Tabs.Tab>
              <Tabs.Tab value="versions">Versions</Tabs.Tab>
              <Tabs.Tab value="people">People</Tabs.Tab>
            </Tabs.List>
            <CloseButton aria-label="Close the panel" onClick={panel.close} />
          </div>
          <Tabs.Panel value="run">
            <RunPanel live={live} user={user} sampling={props.sampling} model={props.model} />
          </Tabs.Panel>
          <Tabs.Panel value="versions">
            <VersionsPanel
              documentId={document.id}
              live={live}
              mayKeep={may("write")}
              mayRestore={may("restoreVersion")}
            />
          </Tabs.Panel>
          <Tabs.Panel value="people">
            <PeoplePanel document={document} connection={connection} user={user} />
          </Tabs.Panel>
        </Tabs>
      </aside>
    </>
  );
}
