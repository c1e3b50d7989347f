import { Button } from "@mantine/core";
import { Link } from "react-router";
import { Notice } from "../components/notice.tsx";

/** For every address that leads nowhere. */
export function NotFoundPage() {
  return (
    <Notice title="There is nothing here">
      <p>The address may be mistyped, or the page has moved.</p>
      <Button component={Link} to="/">
        Go to your documents
      </Button>
    </Notice>
  );
}
