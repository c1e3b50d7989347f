import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { SessionInfo } from "#shared/account.ts";
import { sessionsQuery, useEndSession } from "../../api/account.ts";
import { Ago } from "../../components/ago.tsx";
import { browserName } from "../../components/browser-name.ts";
import { Refusal } from "../../components/refusal.tsx";
import styles from "./account-page.module.css";

/** Where one is signed in; each session can be ended, or all but this one. */
export function Sessions() {
  const sessions = useQuery(sessionsQuery);
  const end = useEndSession();
  const all = sessions.data ?? [];
  return (
    <div>
      <ul className={styles.rows}>
        {all.map((session) => (
          <SessionRow key={session.id} session={session} onEnd={() => end.mutate(session.id)} />
        ))}
      </ul>
      {all.length > 1 && (
        <Button variant="default" aria-busy={end.isPending} onClick={() => end.mutate(null)}>
          End all others
        </Button>
      )}
      <Refusal error={end.error ?? sessions.error} />
    </div>
  );
}

function SessionRow({ session, onEnd }: { session: SessionInfo; onEnd: () => void }) {
  const browser = browserName(session.userAgent);
  return (
    <li>
      <div>
        <strong>{browser}</strong>
        <span title={session.userAgent ?? ""}>
          {session.address ?? "address unknown"} · last seen <Ago time={session.lastSeenAt} /> ·
          since {new Date(session.createdAt).toLocaleDateString("en-GB", { dateStyle: "medium" })}
        </span>
      </div>
      {session.current ? (
        <span>This one</span>
      ) : (
        <Button
          variant="subtle"
          size="compact-sm"
          aria-label={`End the session in ${browser}`}
          onClick={onEnd}
        >
          End
        </Button>
      )}
    </li>
  );
}
