import { Button, TextInput } from "@mantine/core";
import { QRCodeSVG } from "qrcode.react";
import { type FormEvent, useState } from "react";
import { useConfirmTotp } from "../../api/account.ts";
import { CopyButton } from "../../components/copy-button.tsx";
import { Refusal } from "../../components/refusal.tsx";
import { useFocusAtFirst } from "../../components/use-focus-at-first.ts";
import styles from "./account-page.module.css";

interface TotpSetupProps {
  setup: { secret: string; uri: string };
  onCodes: (codes: readonly string[]) => void;
  onCancel: () => void;
}

/** The secret as a picture and as text; it counts once a code of it was typed. */
export function TotpSetup({ setup, onCodes, onCancel }: TotpSetupProps) {
  const [code, setCode] = useState("");
  const field = useFocusAtFirst();
  const confirm = useConfirmTotp();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    confirm.mutate(code.trim(), { onSuccess: ({ recoveryCodes }) => onCodes(recoveryCodes) });
  };
  return (
    <form className={styles.form} noValidate onSubmit={submit}>
      <p>Scan this with an authenticator app, then type the six digits that it shows.</p>
      <div className={styles.setup}>
        <QRCodeSVG
          className={styles.picture ?? ""}
          value={setup.uri}
          size={184}
          marginSize={4}
          title="The secret for your authenticator app"
        />
        <div className={styles.form}>
          <p className={styles.quiet}>No camera? Type this into the app:</p>
          <code className={styles.secret}>{inGroups(setup.secret)}</code>
          <div className={styles.buttons}>
            <CopyButton text={setup.secret} />
          </div>
        </div>
      </div>
      <TextInput
        label="Code"
        autoComplete="one-time-code"
        inputMode="numeric"
        ref={field}
        maxLength={16}
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
      <div className={styles.buttons}>
        <Button type="submit" aria-busy={confirm.isPending}>
          Turn it on
        </Button>
        <Button variant="subtle" onClick={onCancel}>
          Leave it
        </Button>
      </div>
      {confirm.error && <Refusal error={confirm.error} />}
    </form>
  );
}

function inGroups(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(" ") ?? secret;
}
