import { Button, NativeSelect, Popover, Switch, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { Assignment, DocumentSummary } from "#shared/http.ts";
import { assignmentsQuery, useAssign, useChangeDocument } from "../../api/documents.ts";
import { sentenceOf } from "../../api/request.ts";
import styles from "./share-popover.module.css";

/** Share: give the document to people by email, see who has it, decide whether editors may run. */
export function SharePopover({ document }: { document: DocumentSummary }) {
  return (
    <Popover width={440} position="bottom-end">
      <Popover.Target>
        <Button variant="default" size="xs">
          Share
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Share">
        <ShareForm document={document} />
      </Popover.Dropdown>
    </Popover>
  );
}

function ShareForm({ document }: { document: DocumentSummary }) {
  const assignments = useQuery(assignmentsQuery(document.id));
  const { assign, unassign } = useAssign(document.id);
  const change = useChangeDocument(document.id);
  const failure = assign.error ?? unassign.error ?? change.error ?? assignments.error;
  const given = (assignments.data ?? []).filter(({ role }) => role !== "owner");
  return (
    <div className={styles.share}>
      <AddForm assign={assign} />
      {failure !== null && (
        <p role="alert" className={styles.failure}>
          {sentenceOf(failure)}
        </p>
      )}
      {given.length > 0 ? (
        <ul className={styles.people}>
          {given.map((each) => (
            <AssignedPerson
              key={each.userId}
              assignment={each}
              onRemove={() => unassign.mutate(each.userId)}
            />
          ))}
        </ul>
      ) : (
        <p className={styles.nobody}>Only you can see this document.</p>
      )}
      <Switch
        label="Editors may start and tune the model"
        checked={document.editorsMayRun}
        onChange={(event) => change.mutate({ editorsMayRun: event.currentTarget.checked })}
      />
    </div>
  );
}

function AddForm({ assign }: { assign: ReturnType<typeof useAssign>["assign"] }) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<"editor" | "watcher">("editor");
  const add = (event: FormEvent) => {
    event.preventDefault();
    assign.mutate({ email: email.trim(), role }, { onSuccess: () => setEmail("") });
  };
  return (
    <form className={styles.add} onSubmit={add}>
      <TextInput
        label="Email"
        type="email"
        required
        withAsterisk={false}
        autoComplete="off"
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <NativeSelect
        label="Role"
        value={role}
        onChange={(event) =>
          setRole(event.currentTarget.value === "watcher" ? "watcher" : "editor")
        }
        data={[
          { value: "editor", label: "Editor" },
          { value: "watcher", label: "Watcher" },
        ]}
      />
      <Button type="submit" aria-busy={assign.isPending}>
        Add
      </Button>
    </form>
  );
}

function AssignedPerson({
  assignment,
  onRemove,
}: {
  assignment: Assignment;
  onRemove: () => void;
}) {
  return (
    <li>
      <div>
        <strong>{assignment.name}</strong>
        <span>{assignment.email}</span>
      </div>
      <span>{assignment.role === "editor" ? "Editor" : "Watcher"}</span>
      <Button
        variant="subtle"
        size="compact-sm"
        aria-label={`Remove ${assignment.name}`}
        onClick={onRemove}
      >
        Remove
      </Button>
    </li>
  );
}
