import { Popover } from "@mantine/core";
import type { ReactElement } from "react";
import { ReasonForm } from "./reason-form.tsx";
import { useDesk } from "./request-desk.ts";

interface RejectPopoverProps {
  opened: boolean;
  question: string;
  /** The button that it stands at. */
  children: ReactElement;
}

/** Asks why, where the eye is; a rejection is not taken back. */
export function RejectPopover({ opened, question, children }: RejectPopoverProps) {
  const { pending, error, reject, askReason } = useDesk();
  const leave = () => askReason([]);
  return (
    <Popover opened={opened} onChange={leave} width={320} position="bottom-end">
      <Popover.Target>{children}</Popover.Target>
      <Popover.Dropdown aria-label={question}>
        <ReasonForm
          question={question}
          action="Reject"
          pending={pending}
          error={error}
          onReason={reject}
          onCancel={leave}
        />
      </Popover.Dropdown>
    </Popover>
  );
}
