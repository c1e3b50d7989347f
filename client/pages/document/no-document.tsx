import { Button } from "@mantine/core";
import { Link } from "react-router";
import { ApiError, sentenceOf } from "../../api/request.ts";
import { Notice } from "../../components/notice.tsx";

/** Says why the document cannot be shown. */
export function NoDocument({ error }: { error: Error }) {
  const isMissing = error instanceof ApiError && error.status === 404;
  return (
    <Notice title={isMissing ? "No such document" : "The document cannot be opened now"}>
      <p>{sentenceOf(error)}</p>
      <Button component={Link} to="/">
        Go to your documents
      </Button>
    </Notice>
  );
}
