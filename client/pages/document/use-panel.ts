import { useLocalStorage } from "@mantine/hooks";
import { useMemo, useState } from "react";

export const panelTabs = ["run", "versions", "people"] as const;
export type PanelTab = (typeof panelTabs)[number];

/** The side panel: whether it is open, and at which tab. */
export interface Panel {
  open: boolean;
  tab: PanelTab;
  show: (tab: PanelTab) => void;
  close: () => void;
  toggle: () => void;
}

/**
 * Remembers the panel in this browser; a phone's sheet starts closed each time. The same object until
 * something of it changes.
 */
export function usePanel(isPhone: boolean): Panel {
  const [tab, setTab] = useLocalStorage<PanelTab>({
    key: "palimpsest:panel-tab",
    defaultValue: "run",
    getInitialValueInEffect: false,
  });
  const [desktopOpen, setDesktopOpen] = useLocalStorage<boolean>({
    key: "palimpsest:panel-open",
    defaultValue: false,
    getInitialValueInEffect: false,
  });
  const [sheetOpen, setSheetOpen] = useState(false);
  const open = isPhone ? sheetOpen : desktopOpen;
  const setOpen = isPhone ? setSheetOpen : setDesktopOpen;
  return useMemo(
    () => ({
      open,
      tab: panelTabs.includes(tab) ? tab : "run",
      show: (next) => {
        setTab(next);
        setOpen(true);
      },
      close: () => setOpen(false),
      toggle: () => setOpen(!open),
    }),
    [open, tab, setTab, setOpen],
  );
}
