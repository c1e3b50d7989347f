import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import {
  IconArchive,
  IconArchiveOff,
  IconDeviceTv,
  IconDots,
  IconKeyboard,
  IconLogout,
  IconUser,
} from "@tabler/icons-react";
import { Link } from "react-router";
import type { DocumentSummary, User } from "#shared/http.ts";
import type { DocumentAction } from "#shared/permissions.ts";
import { useChangeDocument } from "../../api/documents.ts";
import { ColorSchemeItems } from "../../components/color-scheme-items.tsx";
import { Keys } from "../../components/keys.tsx";
import { SignOutGuard } from "../../components/sign-out-guard.tsx";
import { ShortcutHelp } from "./shortcut-help.tsx";

export interface MoreMenuProps {
  user: User;
  document: DocumentSummary;
  may: (action: DocumentAction) => boolean;
  showAuthors: boolean;
  onShowAuthors: (show: boolean) => void;
  helpOpen: boolean;
  onHelpOpen: (open: boolean) => void;
}

const icon = { size: 16, "aria-hidden": true } as const;

/** What is needed now and then: authors, the big screen, archive, keys, light and dark, sign out. */
export function MoreMenu(props: MoreMenuProps) {
  const { user, document, may, showAuthors, onShowAuthors, onHelpOpen } = props;
  const change = useChangeDocument(document.id);
  const isArchived = document.archivedAt !== null;
  return (
    <ShortcutHelp opened={props.helpOpen} onChange={onHelpOpen}>
      <div>
        <SignOutGuard user={user}>
          {(signOut) => (
            <Menu width={260}>
              <Menu.Target>
                <Tooltip label="More">
                  <ActionIcon aria-label="More">
                    <IconDots size={18} aria-hidden="true" />
                  </ActionIcon>
                </Tooltip>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.CheckboxItem closeMenuOnClick checked={showAuthors} onChange={onShowAuthors}>
                  Who wrote what
                </Menu.CheckboxItem>
                <Menu.Item
                  component={Link}
                  to={`/watch/${document.id}`}
                  leftSection={<IconDeviceTv {...icon} />}
                >
                  Watch on a big screen
                </Menu.Item>
                <Menu.Item
                  leftSection={<IconKeyboard {...icon} />}
                  rightSection={<Keys of="help" />}
                  onClick={() => onHelpOpen(true)}
                >
                  Keyboard shortcuts
                </Menu.Item>
                {may("archive") && (
                  <Menu.Item
                    leftSection={
                      isArchived ? <IconArchiveOff {...icon} /> : <IconArchive {...icon} />
                    }
                    onClick={() => change.mutate({ archived: !isArchived })}
                  >
                    {isArchived ? "Bring it back" : "Archive"}
                  </Menu.Item>
                )}
                <Menu.Divider />
                <ColorSchemeItems />
                <Menu.Divider />
                <Menu.Label>{user.name}</Menu.Label>
                <Menu.Item component={Link} to="/account" leftSection={<IconUser {...icon} />}>
                  Your account
                </Menu.Item>
                <Menu.Item leftSection={<IconLogout {...icon} />} onClick={signOut}>
                  Sign out
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
        </SignOutGuard>
      </div>
    </ShortcutHelp>
  );
}
