import { Menu } from "@mantine/core";
import { useState } from "react";
import type { AdminDocument } from "#shared/admin.ts";
import { isLive } from "#shared/run.ts";
import { useAdministerDocument } from "../../api/admin-documents.ts";
import { AskForm } from "./ask-form.tsx";
import { RowMenu } from "./row-menu.tsx";
import { TypedForm } from "./typed-form.tsx";

type FormName = "end-run" | "give" | "purge";

/** What an admin can do about a document. */
export function DocumentRowMenu({ document }: { document: AdminDocument }) {
  const [form, setForm] = useState<FormName | null>(null);
  const close = () => setForm(null);
  const runLives = document.run !== null && isLive(document.run.state);
  return (
    <RowMenu
      name={document.title}
      onClose={close}
      items={
        <>
          {runLives && <Menu.Item onClick={() => setForm("end-run")}>End its run…</Menu.Item>}
          <Menu.Item onClick={() => setForm("give")}>Give to another owner…</Menu.Item>
          <Menu.Item onClick={() => setForm("purge")}>Purge for good…</Menu.Item>
        </>
      }
      form={form && <DocumentForm name={form} document={document} onClose={close} />}
    />
  );
}

interface DocumentFormProps {
  name: FormName;
  document: AdminDocument;
  onClose: () => void;
}

function DocumentForm({ name, document, onClose }: DocumentFormProps) {
  const { endRun, give, purge } = useAdministerDocument(document.id);
  const { title, owner } = document;
  switch (name) {
    case "end-run":
      return (
        <AskForm
          question={`End the run in “${title}”? What it has written stays.`}
          action="End the run"
          pending={endRun.isPending}
          error={endRun.error}
          onYes={() => endRun.mutate(undefined, { onSuccess: onClose })}
          onCancel={onClose}
        />
      );
    case "give":
      return (
        <TypedForm
          question={`Give “${title}” of ${owner.name} to another sponsor?`}
          label="Their email"
          action="Give it"
          pending={give.isPending}
          error={give.error}
          isRight={(typed) => typed.includes("@")}
          onTyped={(email) => give.mutate(email, { onSuccess: onClose })}
          onCancel={onClose}
        />
      );
    case "purge":
      return (
        <TypedForm
          question={`Purge “${title}” with its versions and runs? Nobody can bring it back.`}
          label="Its title, so that nothing goes by a slip"
          action="Purge for good"
          isGrave
          pending={purge.isPending}
          error={purge.error}
          isRight={(typed) => typed === title.trim()}
          onTyped={() => purge.mutate(title, { onSuccess: onClose })}
          onCancel={onClose}
        />
      );
  }
}
