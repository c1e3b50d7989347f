import type { z } from "zod";
import type { Actor, DocumentAction, DocumentRole } from "#shared/permissions.ts";
import type { Run } from "#shared/run.ts";
import { type ClientEvent, clientEvents, type Refusal } from "#shared/socket-events.ts";
import {
  InvalidError,
  NotFoundError,
  SignedOutError,
  socketErrorCode,
  TooManyError,
} from "../errors.ts";
import { asAppError } from "../http/errors.ts";
import { parseInput } from "../http/input.ts";
import type { Sender } from "../http/sender.ts";
import type { Logger } from "../observability/logger.ts";
import { Allowance } from "./allowance.ts";
import { type AppSocket, roomsOf, tokenRoom } from "./connection.ts";
import { eventPermissions } from "./event-permissions.ts";
import type { SocketLimits } from "./socket-limits.ts";

type Input<Event extends ClientEvent> = z.output<(typeof clientEvents)[Event]>;

type Result<Event extends ClientEvent> = Event extends "document:join"
  ? { role: DocumentRole; run: Run | null }
  : { run: Run };

/** One function for each event; what it throws as AppError is the refusal. */
export type EventHandlers = {
  readonly [Event in Exclude<ClientEvent, "document:leave">]: (
    actor: Actor,
    input: Input<Event>,
    sender: Sender,
  ) => Promise<Result<Event>>;
};

type Steps = {
  readonly [Event in ClientEvent]: (
    actor: Actor,
    input: Input<Event>,
    sender: Sender,
  ) => Promise<object>;
};

/** Throws NotFoundError or ForbiddenError unless the actor may do it on the document. */
export type RequireAccess = (
  actor: Actor,
  documentId: string,
  action: DocumentAction,
) => Promise<unknown>;

interface EventLineOptions {
  socket: AppSocket;
  /** Who is at the other end of the connection. */
  sender: Sender;
  handlers: EventHandlers;
  isStillSignedIn: (socket: AppSocket) => Promise<boolean>;
  roleOn: (accountId: string, documentId: string) => Promise<DocumentRole | null>;
  requireAccess: RequireAccess;
  limits: Pick<SocketLimits, "events" | "refusedEvents">;
  logger: Logger;
}

/** One connection's events: each is parsed as it comes, and answered before the next is begun. */
export interface EventLine {
  take(packet: unknown[]): void;
}

/** How many events a connection may have waiting, and how soon some of them may be answered. */
const maxWaiting = 64;
const fullLineMs = 1_000;

export function createEventLine(options: EventLineOptions): EventLine {
  const { socket, sender, handlers, isStillSignedIn, roleOn, requireAccess, limits, logger } =
    options;
  const events = new Allowance(limits.events);
  const refused = new Allowance(limits.refusedEvents);
  let line: Promise<void> = Promise.resolve();
  let waiting = 0;

  const steps: Steps = { ...handlers, "document:join": join, "document:leave": leave };

  async function answer(event: string, input: unknown[]): Promise<object> {
    if (!isKnown(event)) throw new InvalidError("There is no such event.");
    if (input.length > 1) throw new InvalidError("An event has one input.");
    return perform(event, input[0]);
  }

  async function perform<Event extends ClientEvent>(event: Event, payload: unknown) {
    // The schema of an event parses to that event's input; the union forgets which is which.
    const schema = clientEvents[event] as unknown as z.ZodType<Input<Event>>;
    const input = parseInput(schema, payload);
    if (!(await isStillSignedIn(socket))) throw new SignedOutError();
    const { actor } = socket.data.session;
    const permission = eventPermissions[event];
    const actions = permission.kind === "document" ? permission.actions : [];
    for (const action of actions) await requireAccess(actor, input.documentId, action);
    return steps[event](actor, input, sender);
  }

  /** Joins before the last look at the rights, so that no change of them falls in between. */
  async function join(actor: Actor, input: Input<"document:join">, from: Sender): Promise<object> {
    const { documentId, tokens = true } = input;
    if ((await roleOn(actor.id, documentId)) === null) throw new NotFoundError();
    await socket.join(roomsOf(documentId));
    if (!tokens) await socket.leave(tokenRoom(documentId));
    try {
      return await handlers["document:join"](actor, input, from);
    } catch (error) {
      await leaveRooms(documentId);
      throw error;
    }
  }

  async function leave(_actor: Actor, input: Input<"document:leave">): Promise<object> {
    await leaveRooms(input.documentId);
    return {};
  }

  async function leaveRooms(documentId: string): Promise<void> {
    for (const room of roomsOf(documentId)) await socket.leave(room);
  }

  function toRefusal(event: string, error: unknown): Refusal {
    const known = asAppError(error);
    if (known.status >= 500) logger.error({ error, event }, "event failed");
    const code = known.status === 500 ? "unavailable" : socketErrorCode(known);
    const { message, details } = known;
    return { ok: false, code, message, ...(details === undefined ? {} : { details }) };
  }

  return {
    take([event, ...rest]) {
      const last = rest.at(-1);
      const acknowledge = typeof last === "function" ? last : undefined;
      const input = acknowledge === undefined ? rest : rest.slice(0, -1);
      const name = String(event);
      const waitMs = waiting >= maxWaiting ? fullLineMs : events.trySpend(1);
      if (waitMs > 0) {
        acknowledge?.(toRefusal(name, new TooManyError("Too many commands at once.", waitMs)));
        if (refused.spend(1) > 0) socket.disconnect(true);
        return;
      }
      waiting += 1;
      line = line
        .then(() => answer(name, input))
        .then(
          (result) => ({ ok: true, ...result }),
          (error: unknown) => toRefusal(name, error),
        )
        .then((response) => {
          waiting -= 1;
          acknowledge?.(response);
        });
    },
  };
}

function isKnown(event: string): event is ClientEvent {
  return Object.hasOwn(clientEvents, event);
}
