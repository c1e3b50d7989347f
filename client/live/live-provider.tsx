import { useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useEffectEvent,
  useState,
} from "react";
import type { AccountEnded } from "#shared/socket-events.ts";
import { markSignedOut, recheckMe } from "../api/session.ts";
import { createLiveSocket, type LiveSocket } from "./live-socket.ts";
import { retryAfterMs } from "./retry-after.ts";

interface Live {
  socket: LiveSocket;
  /** Requests that wait for an admin; null for everyone else, and until the server has said it. */
  waiting: number | null;
}

const LiveContext = createContext<Live | null>(null);

interface LiveProviderProps {
  /** The account was suspended or rejected while this page was open. */
  onAccountEnded: (ended: AccountEnded) => void;
  children: ReactNode;
}

/** Holds one connection for the signed-in account; give it the account's id as its key. */
export function LiveProvider({ onAccountEnded, children }: LiveProviderProps) {
  const [socket] = useState(createLiveSocket);
  const [waiting, setWaiting] = useState<number | null>(null);
  const client = useQueryClient();
  const accountEnded = useEffectEvent(onAccountEnded);
  useEffect(() => {
    let isHere = true;
    // The server ended it on purpose, or refused it: perhaps the session is over.
    const onDisconnect = (reason: string) => {
      if (reason !== "io server disconnect" || !isHere) return;
      void recheckMe(client).then((isSignedIn) => {
        if (isHere && isSignedIn) socket.connect();
      });
    };
    let retry: ReturnType<typeof setTimeout> | undefined;
    const onRefused = (error: Error) => {
      if (socket.active) return;
      const waitMs = retryAfterMs(error);
      if (waitMs === undefined) void recheckMe(client);
      else retry = setTimeout(() => socket.connect(), waitMs);
    };
    const onEnded = (ended: AccountEnded) => {
      isHere = false;
      accountEnded(ended);
      markSignedOut(client);
    };
    const onWaiting = ({ count }: { count: number }) => {
      setWaiting(count);
      void client.invalidateQueries({ queryKey: ["admin"] });
    };
    socket.on("disconnect", onDisconnect);
    socket.on("connect_error", onRefused);
    socket.on("account:ended", onEnded);
    socket.on("admin:waiting", onWaiting);
    socket.connect();
    return () => {
      isHere = false;
      clearTimeout(retry);
      socket.off("disconnect", onDisconnect);
      socket.off("connect_error", onRefused);
      socket.off("account:ended", onEnded);
      socket.off("admin:waiting", onWaiting);
      socket.disconnect();
    };
  }, [socket, client]);
  return <LiveContext.Provider value={{ socket, waiting }}>{children}</LiveContext.Provider>;
}

/** The account's connection. Throws outside of a LiveProvider. */
export function useLiveSocket(): LiveSocket {
  return useLive().socket;
}

/** How many requests wait for an admin, live; null for everyone else. */
export function useWaitingCount(): number | null {
  return useLive().waiting;
}

function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error("the live connection needs a LiveProvider above it");
  return live;
}
