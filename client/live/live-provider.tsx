import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { recheckMe } from "../api/session.ts";
import { type LiveSocket, openLiveSocket } from "./live-socket.ts";

const LiveContext = createContext<LiveSocket | null>(null);

/** Holds one connection for the signed-in account; another account gets another. */
export function LiveProvider({ accountId, children }: { accountId: string; children: ReactNode }) {
  const [socket, setSocket] = useState<LiveSocket | null>(null);
  const client = useQueryClient();

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new account needs a new connection
  useEffect(() => {
    const opened = openLiveSocket();
    const recheck = () => void recheckMe(client);
    // The server ended it on purpose, or refused it: perhaps the session is over.
    opened.on("disconnect", (reason) => {
      if (reason !== "io server disconnect") return;
      recheck();
      opened.connect();
    });
    opened.on("connect_error", () => {
      if (!opened.active) recheck();
    });
    setSocket(opened);
    return () => {
      opened.disconnect();
      setSocket(null);
    };
  }, [accountId, client]);

  return <LiveContext.Provider value={socket}>{children}</LiveContext.Provider>;
}

/** The page's connection; null for the moment before it is made. */
export function useLiveSocket(): LiveSocket | null {
  return useContext(LiveContext);
}
