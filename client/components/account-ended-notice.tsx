import { Button } from "@mantine/core";
import { Link } from "react-router";
import type { AccountEnded } from "#shared/socket-events.ts";
import { Notice } from "./notice.tsx";

const titles: { readonly [status in AccountEnded["status"]]: string } = {
  suspended: "Your account is suspended",
  rejected: "Your request was rejected",
};

/** Takes the page's place at once when an admin has ended the account. */
export function AccountEndedNotice({ ended }: { ended: AccountEnded }) {
  return (
    <Notice title={titles[ended.status]}>
      <p>
        {ended.reason ? `The admin wrote: “${ended.reason}”` : "An admin has done this."} You are
        signed out.
      </p>
      <Button component={Link} to="/sign-in" variant="default">
        Go to the sign-in page
      </Button>
    </Notice>
  );
}
