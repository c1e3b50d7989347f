import type { DocumentSummary, User } from "#shared/http.ts";
import { colourOf } from "../../components/faces.tsx";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import { usePeople } from "../../editor/use-connection.ts";
import styles from "./people-panel.module.css";

const roles = { owner: "Owner", editor: "Editor", watcher: "Watcher" } as const;

/** Everyone who has the document, with their colours; and who is here now. */
export function PeoplePanel({
  document,
  connection,
  user,
}: {
  document: DocumentSummary;
  connection: DocumentConnection;
  user: User;
}) {
  const here = new Set(usePeople(connection).map((person) => person.user.id));
  return (
    <ul className={styles.people}>
      {document.people.map((person) => (
        <li key={person.id} style={colourOf(person.id)}>
          <span className={styles.colour} aria-hidden="true" />
          <span className={styles.name}>
            {person.name}
            {person.id === user.id && " (you)"}
          </span>
          <span className={styles.quiet}>
            {roles[person.role]}
            {here.has(person.id) && ", here now"}
          </span>
        </li>
      ))}
    </ul>
  );
}
