import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import type { DocumentSummary } from "#shared/http.ts";
import { useChangeDocument } from "../../api/documents.ts";
import { sentenceOf } from "../../api/request.ts";
import styles from "./rename-form.module.css";

/** A title in place of the row's heading; Escape leaves it as it was. */
export function RenameForm({
  document,
  onDone,
}: {
  document: DocumentSummary;
  onDone: () => void;
}) {
  const [title, setTitle] = useState(document.title);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const change = useChangeDocument(document.id);
  const rename = (event: FormEvent) => {
    event.preventDefault();
    if (title.trim() === document.title || title.trim() === "") onDone();
    else change.mutate({ title }, { onSuccess: onDone });
  };
  return (
    <form className={styles.form} onSubmit={rename}>
      <TextInput
        aria-label="Title"
        ref={field}
        maxLength={200}
        value={title}
        error={change.error ? sentenceOf(change.error) : null}
        onChange={(event) => setTitle(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onDone();
        }}
      />
      <Button type="submit">Rename</Button>
      <Button variant="subtle" onClick={onDone}>
        Cancel
      </Button>
    </form>
  );
}
