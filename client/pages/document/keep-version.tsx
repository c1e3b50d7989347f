import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useKeepVersion } from "../../api/documents.ts";
import { sentenceOf } from "../../api/request.ts";
import styles from "./versions-panel.module.css";

/** Keeps the text as it stands now under a name of one's own. */
export function KeepVersion({ documentId }: { documentId: string }) {
  const [label, setLabel] = useState("");
  const keep = useKeepVersion(documentId);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (label.trim() === "" || keep.isPending) return;
    keep.mutate(label, { onSuccess: () => setLabel("") });
  };
  return (
    <form className={styles.keep} onSubmit={submit}>
      <TextInput
        label="Name of this version"
        placeholder="Before the flood"
        maxLength={200}
        autoComplete="off"
        value={label}
        error={keep.error ? sentenceOf(keep.error) : null}
        onChange={(event) => setLabel(event.currentTarget.value)}
      />
      <Button type="submit" variant="default" aria-busy={keep.isPending}>
        Keep this version
      </Button>
    </form>
  );
}
