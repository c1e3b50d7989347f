import { Button, Popover } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { User } from "#shared/http.ts";
import { documentsQuery } from "../api/documents.ts";
import { useSignOut } from "../api/session.ts";
import type { UnsentWords } from "../editor/unsent-words.ts";
import { Refusal } from "./refusal.tsx";
import styles from "./sign-out-guard.module.css";
import { untitled } from "./untitled.ts";

/** A moment in which words that are just being saved are acknowledged, and remembered as such. */
const settleMs = 700;

interface SignOutGuardProps {
  user: User;
  /** What the warning stands under: the menu that leads to signing out. */
  children: (signOut: () => void) => ReactNode;
}

/** Signs out; where this browser holds words that no server has, it asks first what becomes of them. */
export function SignOutGuard({ user, children }: SignOutGuardProps) {
  const [unsent, setUnsent] = useState<UnsentWords | null>(null);
  const signOut = useSignOut(user.id);
  const begin = async () => {
    const found = await lookTwice(user.id);
    if (found.documents.length > 0) setUnsent(found);
    else signOut.mutate(null);
  };
  return (
    <Popover
      opened={unsent !== null}
      onChange={() => setUnsent(null)}
      width={360}
      // What it stands under is no button; it names itself.
      withRoles={false}
      position="bottom-end"
    >
      <Popover.Target>
        <div>
          {/* A look that fails leaves the person signed in, with all words where they are. */}
          {children(() => void begin())}
        </div>
      </Popover.Target>
      {/* A popover goes with the page; a dialog element would not. */}
      {/* oxlint-disable-next-line jsx-a11y/prefer-tag-over-role */}
      <Popover.Dropdown role="dialog" aria-label="Words that were not saved">
        {unsent !== null && (
          <div className={styles.warning}>
            <UnsentSentence unsent={unsent} />
            {signOut.error && <Refusal error={signOut.error} />}
            <Button variant="default" onClick={() => setUnsent(null)}>
              Stay signed in
            </Button>
            <Button variant="default" onClick={() => signOut.mutate(unsent)}>
              Sign out, keep them in this browser
            </Button>
            <Button variant="live" onClick={() => signOut.mutate(null)}>
              Sign out and lose them
            </Button>
          </div>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function UnsentSentence({ unsent }: { unsent: UnsentWords }) {
  const documents = useQuery(documentsQuery);
  // The copy in this browser knows a title that the list has not heard of yet.
  const titles = unsent.documents.map(
    ({ id, title }) => title ?? documents.data?.find((document) => document.id === id)?.title,
  );
  const known = titles.filter((title) => title !== undefined);
  const rest = titles.length - known.length;
  return (
    <>
      <p>Words of yours are in this browser alone, in:</p>
      <ul>
        {known.map((title, place) => (
          // Two documents may have one title.
          // oxlint-disable-next-line react/no-array-index-key
          <li key={`${place} ${title}`}>{title.trim() === "" ? untitled : title}</li>
        ))}
        {rest > 0 && (
          <li>{rest === 1 ? "a document" : `${rest} documents`} no longer shared with you</li>
        )}
      </ul>
      <p>
        Kept, they wait for the next time that you sign in here. Others who use this computer could
        find them.
      </p>
    </>
  );
}

async function lookTwice(accountId: string): Promise<UnsentWords> {
  const { findUnsentWords } = await import("../editor/unsent-words.ts");
  const found = await findUnsentWords(accountId);
  if (found.documents.length === 0) return found;
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  return findUnsentWords(accountId);
}
