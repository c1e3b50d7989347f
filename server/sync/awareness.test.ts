import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Awareness, type Publisher, presenceTimeoutMs } from "./awareness.ts";
import { ClientIds } from "./client-ids.ts";

const publisher = (accountId: string): Publisher => ({
  writeAccess: { accountId, name: accountId, role: "editor", accessEpoch: 0 },
});
const entry = (clientId: number, clock: number, state = "{}") => ({ clientId, clock, state });

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a state that is not renewed in time goes, one that is stays", () => {
  const awareness = new Awareness(new ClientIds([]));
  const [ann, ben] = [publisher("ann"), publisher("ben")];
  awareness.publish(ann, entry(1, 1));
  awareness.publish(ben, entry(2, 1));
  vi.advanceTimersByTime(presenceTimeoutMs);
  awareness.publish(ben, entry(2, 2));
  vi.advanceTimersByTime(1);
  expect(awareness.expire(Date.now())).toEqual([entry(1, 1, "null")]);
  expect(awareness.states()).toMatchObject([{ user: { id: "ben" } }]);
});

test("a connection has one id: a second takes the place of the first", () => {
  const awareness = new Awareness(new ClientIds([]));
  const ann = publisher("ann");
  awareness.publish(ann, entry(1, 1));
  const announcement = awareness.publish(ann, entry(2, 1));
  expect(announcement?.entries.map(({ clientId }) => clientId)).toEqual([1, 2]);
  expect(awareness.states()).toHaveLength(1);
});

test("S9: a person who is called otherwise now is shown so, with a newer clock, also to himself", () => {
  const awareness = new Awareness(new ClientIds([]));
  let name = "Ann";
  const ann: Publisher = {
    get writeAccess() {
      return { accountId: "ann", name, role: "editor", accessEpoch: 0 } as const;
    },
  };
  awareness.publish(ann, entry(1, 5, '{"composing":true}'));
  awareness.publish(publisher("ben"), entry(2, 5));
  expect(awareness.restamp(ann)).toBeUndefined();
  name = "Anna";
  const user = { id: "ann", name: "Anna", role: "editor" };
  const state = JSON.stringify({ composing: true, user });
  expect(awareness.restamp(ann)).toEqual({
    entries: [{ clientId: 1, clock: 6, state }],
    toPublisherToo: true,
  });
  expect(awareness.entries()[0]).toEqual({ clientId: 1, clock: 6, state });
  expect(awareness.publish(ann, entry(1, 7))).toMatchObject({ entries: [{ clock: 7 }] });
});

test("S9: an id bound to another account, or to the server, is not shown", () => {
  const clientIds = new ClientIds([
    { clientId: 1, accountId: "ben" },
    { clientId: 2, accountId: null },
  ]);
  const awareness = new Awareness(clientIds);
  for (const clientId of [1, 2, clientIds.serverId]) {
    expect(awareness.publish(publisher("ann"), entry(clientId, 1))).toBeUndefined();
  }
});

test("only its own connection takes a state back", () => {
  const awareness = new Awareness(new ClientIds([]));
  const [first, second] = [publisher("ann"), publisher("ann")];
  awareness.publish(first, entry(1, 1));
  expect(awareness.publish(second, entry(1, 2, "null"))).toBeUndefined();
  expect(awareness.publish(first, entry(1, 2, "null"))?.entries).toEqual([entry(1, 2, "null")]);
});

test.each(["[]", "3", '"text"', "{", ""])("%j is no state", (state) => {
  const awareness = new Awareness(new ClientIds([]));
  expect(awareness.publish(publisher("ann"), entry(1, 1, state))).toBeUndefined();
});
