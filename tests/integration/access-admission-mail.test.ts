import { afterAll, beforeAll, expect, test } from "vitest";
import type { AdminUser } from "#shared/admin.ts";
import { startTestApp, type TestApp } from "../support/app.ts";
import { type MailServer, startMailServer } from "../support/mail-server.ts";
import type { Person } from "../support/person.ts";

const password = "a long and quiet sentence";

let server: MailServer;
let app: TestApp;
let admin: Person;
beforeAll(async () => {
  server = await startMailServer();
  const mail = { url: server.url, from: "Palimpsest <palimpsest@example.test>" };
  app = await startTestApp({ config: { mail } });
  admin = await app.signIn("admin@demo.test");
});
afterAll(async () => {
  await app.close();
  await server.stop();
});

async function ask(email: string, fields: Record<string, unknown> = {}): Promise<void> {
  const answer = await fetch(`${app.url}/api/sign-up`, {
    method: "POST",
    headers: { "content-type": "application/json", origin: app.url },
    body: JSON.stringify({ email, name: "Ana", role: "editor", password, ...fields }),
  });
  expect(answer.status).toBe(202);
}

async function findUser(email: string): Promise<AdminUser | undefined> {
  const { users } = await admin.json<{ users: AdminUser[] }>(
    "GET",
    `/api/admin/users?search=${encodeURIComponent(email)}`,
  );
  return users[0];
}

/** The mails to one recipient, once there are so many. */
async function mailsTo(recipient: string, count: number) {
  const theirs = () => server.received.filter(({ to }) => to.includes(recipient));
  await expect.poll(() => theirs().length).toBe(count);
  return theirs();
}

test("A14: a request is told to each admin once, and each decision to the person", async () => {
  await ask("ana@example.test", {
    name: "Ana\r\nBcc: eve@example.test",
    organisation: "A press",
    reason: "I edit.\nApprove me at http://evil.test",
  });
  const [request] = await mailsTo("admin@demo.test", 1);
  expect(request?.subject).toBe("Ana Bcc: eve@example.test asks to join Palimpsest");
  expect(request?.text).toContain("asks to join as an editor.\n\nOrganisation: A press");
  expect(request?.text).toContain("> I edit.\n> Approve me at http://evil.test");
  expect(request?.text).toContain("/admin/requests");

  const user = await findUser("ana@example.test");
  const path = `/api/admin/users/${user?.id}`;
  await admin.json("POST", `${path}/reject`, { reason: "Who are you?" });
  const [rejection] = await mailsTo("ana@example.test", 1);
  expect(rejection?.text).toContain("declined");
  expect(rejection?.text).toContain("> Who are you?");
  await ask("ana@example.test");
  await mailsTo("admin@demo.test", 2);
  await admin.json("POST", `${path}/approve`);
  const [, approval] = await mailsTo("ana@example.test", 2);
  expect(approval?.text).toMatch(/approved: you can sign in now\.\n\nSign in here:\nhttp:/);
  await admin.json("POST", `${path}/suspend`, { reason: "A while" });
  await admin.json("POST", `${path}/reinstate`);
  const told = await mailsTo("ana@example.test", 4);
  expect(told.map(({ subject }) => subject)).toEqual([
    "Your request to join Palimpsest",
    "Welcome to Palimpsest",
    "Your Palimpsest account is suspended",
    "Your Palimpsest account is active again",
  ]);
  expect(server.received.flatMap(({ to }) => to)).not.toContain("eve@example.test");
});

test("A10 A14: who has an account learns that his email was used, once a day, and admins do not", async () => {
  const before = server.received.length;
  for (let times = 0; times < 3; times++) await ask("sponsor@demo.test");
  const [note] = await mailsTo("sponsor@demo.test", 1);
  expect(note?.text).toContain("There is one already");
  // A mail that leaves after those three would have left shows that no other was queued.
  await ask("later@example.test");
  await expect.poll(() => server.received.length).toBe(before + 2);
});

test("A14: mail in the line outlives the server, and leaves when the mail server is back", async () => {
  await server.stop();
  await ask("patient@example.test");
  await app.stop();
  await server.start();
  const { dataDir } = app;
  const mail = { url: server.url, from: "Palimpsest <palimpsest@example.test>" };
  const before = server.received.length;
  app = await startTestApp({ config: { dataDir, mail } });
  await expect.poll(() => server.received.length, { timeout: 50_000 }).toBe(before + 1);
  expect(server.received.at(-1)?.text).toContain("patient@example.test");
});
