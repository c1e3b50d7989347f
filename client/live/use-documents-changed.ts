import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { documentQuery, documentsQuery, versionsKey } from "../api/documents.ts";
import { useLiveSocket } from "./live-provider.tsx";

/** Looks again at the list and at a document's own page whenever the server says that it changed. */
export function useDocumentsChanged(): void {
  const socket = useLiveSocket();
  const client = useQueryClient();
  useEffect(() => {
    const changed = ({ documentId, onlyRun }: { documentId: string; onlyRun: boolean }) => {
      void client.invalidateQueries({ queryKey: documentsQuery.queryKey });
      // Its own page hears of the run by itself, and would ask just while the run starts.
      const refetchType = onlyRun ? "none" : "active";
      void client.invalidateQueries({ queryKey: documentQuery(documentId).queryKey, refetchType });
      void client.invalidateQueries({ queryKey: versionsKey(documentId) });
    };
    const reconnected = () => void client.invalidateQueries({ queryKey: documentsQuery.queryKey });
    socket.on("documents:changed", changed);
    socket.on("connect", reconnected);
    return () => {
      socket.off("documents:changed", changed);
      socket.off("connect", reconnected);
    };
  }, [socket, client]);
}
