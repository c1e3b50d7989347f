import { useEffect } from "react";
import type { DocumentSummary } from "#shared/http.ts";
import { untitled } from "../../components/untitled.ts";
import type { DocumentConnection } from "../../editor/document-connection.ts";
import { useConnectionState } from "../../editor/use-connection.ts";

/** The browser tab says the document's title, as it stands now. */
export function useTitleOfPage(connection: DocumentConnection, summary: DocumentSummary): void {
  const ready = useConnectionState(connection, (state) => state.ready);
  const replica = useConnectionState(connection, (state) => state.replica);
  useEffect(() => {
    const show = () => {
      const title = ready ? replica.title.toJSON() : summary.title;
      document.title = `${title.trim() === "" ? untitled : title} · Palimpsest`;
    };
    show();
    replica.title.observe(show);
    return () => replica.title.unobserve(show);
  }, [replica, ready, summary.title]);
}
