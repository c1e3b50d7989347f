import type { Server, Socket } from "socket.io";
import type { ServerToClientEvents } from "#shared/socket-events.ts";
import type { Session } from "../http/session.ts";

/** What we remember of a connection. */
export interface ConnectionData {
  session: Session;
  /** The handshake's Cookie header, to look the session up again. */
  cookie: string | undefined;
  /** How often rights had been taken away when its session was looked up. */
  endingsBefore: number;
}

/** Clients' events are not typed here: whatever arrives is parsed by its schema. */
type Untyped = Record<string, never>;

export type AppServer = Server<Untyped, ServerToClientEvents, Untyped, ConnectionData>;
export type AppSocket = Socket<Untyped, ServerToClientEvents, Untyped, ConnectionData>;

export type ServerEvent = keyof ServerToClientEvents;

/** The payload of a server's event. */
export type Payload<Event extends ServerEvent> = Parameters<ServerToClientEvents[Event]>[0];

/** The arguments of a server's event, as Socket.IO's emit wants them. */
export type EventArguments<Event extends ServerEvent> = Parameters<ServerToClientEvents[Event]>;

/** The rooms of those who joined a document: of all, and of those who hear each token. */
export function roomsOf(documentId: string): string[] {
  return [documentRoom(documentId), tokenRoom(documentId)];
}

/** The room of those who hear each token that a run writes. */
export function tokenRoom(documentId: string): string {
  return `tokens:${documentId}`;
}

/** The room of everyone who joined a document. */
export function documentRoom(documentId: string): string {
  return `document:${documentId}`;
}
