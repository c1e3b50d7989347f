import { Button, Menu } from "@mantine/core";
import { useRef, useState } from "react";
import type { AdminModel } from "#shared/models.ts";
import { useAdministerModel } from "../../api/admin-models.ts";
import { Refusal } from "../../components/refusal.tsx";
import { AskForm } from "./ask-form.tsx";
import { describeModelCheck } from "./model-words.ts";
import popoverStyles from "./popover-form.module.css";
import { RowMenu } from "./row-menu.tsx";

type FormName = "default" | "verify" | "remove";

/** What an admin can do about a model. */
export function ModelRowMenu({ model }: { model: AdminModel }) {
  const [form, setForm] = useState<FormName | null>(null);
  const close = () => setForm(null);
  return (
    <RowMenu
      name={model.name}
      onClose={close}
      items={
        <>
          {!model.default && model.problem === null && (
            <Menu.Item onClick={() => setForm("default")}>Make it the default…</Menu.Item>
          )}
          {model.problem === null && (
            <Menu.Item onClick={() => setForm("verify")}>Check its files</Menu.Item>
          )}
          <Menu.Item onClick={() => setForm("remove")}>Remove…</Menu.Item>
        </>
      }
      form={form && <ModelForm name={form} model={model} onClose={close} />}
    />
  );
}

interface ModelFormProps {
  name: FormName;
  model: AdminModel;
  onClose: () => void;
}

function ModelForm({ name, model, onClose }: ModelFormProps) {
  const { makeDefault, remove } = useAdministerModel(model.id);
  switch (name) {
    case "default":
      return (
        <AskForm
          question={`Let ${model.name} write wherever nobody chooses another model? Runs that are going stay with theirs.`}
          action="Make it the default"
          pending={makeDefault.isPending}
          error={makeDefault.error}
          onYes={() => makeDefault.mutate(undefined, { onSuccess: onClose })}
          onCancel={onClose}
        />
      );
    case "verify":
      return <FilesCheck model={model} onClose={onClose} />;
    case "remove":
      return (
        <AskForm
          question={questionBeforeRemoval(model)}
          action={model.liveRuns > 0 ? "Remove it all the same" : "Remove it"}
          pending={remove.isPending}
          error={remove.error}
          onYes={() => remove.mutate(model.liveRuns > 0, { onSuccess: onClose })}
          onCancel={onClose}
        />
      );
  }
}

function questionBeforeRemoval({ name, liveRuns }: AdminModel): string {
  const question = `Remove ${name} and its files? It can be added again.`;
  if (liveRuns === 0) return question;
  const runs =
    liveRuns === 1
      ? "One run that is going or paused writes with it: it pauses"
      : `${liveRuns} runs that are going or paused write with it: they pause`;
  return `${question} ${runs}; the text stays, and a new Start chooses another model.`;
}

/** Reads the files when the person asks for it: that may take some seconds. */
function FilesCheck({ model, onClose }: { model: AdminModel; onClose: () => void }) {
  const { verify } = useAdministerModel(model.id);
  const leave = useRef<HTMLButtonElement>(null);
  /** The button that asked goes with the answer; the keyboard stays here, so that Escape closes. */
  const check = () => verify.mutate(undefined, { onSuccess: () => leave.current?.focus() });
  return (
    <div className={popoverStyles.form}>
      <p>
        <output>
          {verify.data
            ? describeModelCheck(verify.data)
            : `Compare the files of ${model.name} with what was imported? Large ones take some seconds.`}
        </output>
      </p>
      {verify.error !== null && <Refusal error={verify.error} />}
      <div className={popoverStyles.buttons}>
        {verify.data === undefined && (
          <Button
            size="xs"
            data-autofocus
            aria-busy={verify.isPending}
            loading={verify.isPending}
            onClick={check}
          >
            Check its files
          </Button>
        )}
        <Button ref={leave} size="xs" variant="subtle" onClick={onClose}>
          {verify.data ? "Close" : "Leave it"}
        </Button>
      </div>
    </div>
  );
}
