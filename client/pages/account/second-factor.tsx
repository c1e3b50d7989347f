import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { OwnAccount } from "#shared/account.ts";
import {
  useAccountChanged,
  useBeginTotp,
  useEndTotp,
  useRenewRecoveryCodes,
} from "../../api/account.ts";
import styles from "./account-page.module.css";
import { ConfirmForm } from "./confirm-form.tsx";
import { RecoveryCodes } from "./recovery-codes.tsx";
import { TotpSetup } from "./totp-setup.tsx";

type Step = "rest" | "begin" | "end" | "renew";

/** The authenticator app: set up, new recovery codes, turned off. */
export function SecondFactor({ account }: { account: OwnAccount }) {
  const [step, setStep] = useState<Step>("rest");
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const changed = useAccountChanged();
  const begin = useBeginTotp();
  const end = useEndTotp();
  const renew = useRenewRecoveryCodes();
  const rest = () => setStep("rest");
  const showCodes = (shown: readonly string[]) => {
    setCodes(shown);
    rest();
  };

  if (codes !== null) {
    const done = () => {
      setCodes(null);
      begin.reset();
      changed();
    };
    return <RecoveryCodes codes={codes} onDone={done} />;
  }
  if (begin.data)
    return <TotpSetup setup={begin.data} onCodes={showCodes} onCancel={begin.reset} />;
  const forms: { readonly [each in Exclude<Step, "rest">]: ReactNode } = {
    begin: <ConfirmForm account={account} action="Go on" mutation={begin} onCancel={rest} />,
    end: (
      <ConfirmForm
        account={account}
        action="Turn it off"
        mutation={end}
        onDone={rest}
        onCancel={rest}
      />
    ),
    renew: (
      <ConfirmForm
        account={account}
        action="Make new codes"
        mutation={renew}
        onDone={({ recoveryCodes }) => showCodes(recoveryCodes)}
        onCancel={rest}
      />
    ),
  };
  if (step !== "rest") return forms[step];
  return <Standing account={account} onStep={setStep} />;
}

function Standing({ account, onStep }: { account: OwnAccount; onStep: (step: Step) => void }) {
  if (!account.totp) {
    return (
      <div className={styles.form}>
        <p>It is off.</p>
        <div className={styles.buttons}>
          <Button variant="default" onClick={() => onStep("begin")}>
            Set it up
          </Button>
        </div>
      </div>
    );
  }
  return (
    <div className={styles.form}>
      <p>
        It is on.{" "}
        {account.recoveryCodesLeft === 1
          ? "1 recovery code is"
          : `${account.recoveryCodesLeft} recovery codes are`}{" "}
        left.
      </p>
      <div className={styles.buttons}>
        <Button variant="default" onClick={() => onStep("renew")}>
          New recovery codes
        </Button>
        {!account.totpRequired && (
          <Button variant="subtle" onClick={() => onStep("end")}>
            Turn it off
          </Button>
        )}
      </div>
    </div>
  );
}
