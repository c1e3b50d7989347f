import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { recheckMe } from "../api/session.ts";
import { createLiveSocket, type LiveSocket } from "./live-socket.ts";

const LiveContext = createContext<LiveSocket | null>(null);

/** Holds one connection for the signed-in account; give it the account's id as its key. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const [socket] = useState(createLiveSocket);
  const client = useQueryClient();
  useEffect(() => {
    let isHere = true;
    // The server ended it on purpose, or refused it: perhaps the session is over.
    const onDisconnect = (reason: string) => {
      if (reason !== "io server disconnect") return;
      void recheckMe(client).then((isSignedIn) => {
        if (isHere && isSignedIn) socket.connect();
      });
    };
    const onRefused = () => {
      if (!socket.active) void recheckMe(client);
    };
    socket.on("disconnect", onDisconnect);
    socket.on("connect_error", onRefused);
    socket.connect();
    return () => {
      isHere = false;
      socket.off("disconnect", onDisconnect);
      socket.off("connect_error", onRefused);
      socket.disconnect();
    };
  }, [socket, client]);
  return <LiveContext.Provider value={socket}>{children}</LiveContext.Provider>;
}

/** The account's connection. Throws outside of a LiveProvider. */
export function useLiveSocket(): LiveSocket {
  const socket = useContext(LiveContext);
  if (socket === null) throw new Error("useLiveSocket needs a LiveProvider above it");
  return socket;
}
