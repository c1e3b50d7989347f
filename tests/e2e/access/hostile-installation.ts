import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { type AdminUser, adminUserSchema, manyDecisionsSchema } from "#shared/admin.ts";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { type Person, signIn } from "../../support/person.ts";
import { hostileTexts } from "./hostile-text.ts";

export const hostilePassword = "a winter mill by the river";

/** A server in which everything that people and model cards may name carries a hostile text. */
export interface HostileInstallation {
  server: TestApp;
  admin: Person;
  owner: Person;
  close(): Promise<void>;
}

const ownModels = resolve(import.meta.dirname, "../../../models");

/** Starts it with a model for each hostile text, the one that writes among them. */
export async function openHostileInstallation(): Promise<HostileInstallation> {
  const modelsDir = await makeHostileModels();
  const server = await startTestApp({ config: { modelsDir, trustedProxies: ["loopback"] } });
  return {
    server,
    admin: await signIn(server.url, "admin@demo.test"),
    owner: await signIn(server.url, "sponsor@demo.test"),
    async close() {
      await server.close();
      await rm(modelsDir, { recursive: true, force: true });
    },
  };
}

async function makeHostileModels(): Promise<string> {
  const modelsDir = await mkdtemp(join(tmpdir(), "palimpsest-models-"));
  await cp(join(ownModels, "tales"), join(modelsDir, "tales"), { recursive: true });
  const cardPath = join(modelsDir, "tales", "card.json");
  const card: object = z.looseObject({}).parse(JSON.parse(await readFile(cardPath, "utf8")));
  const [first = "", ...others] = hostileTexts;
  await writeFile(cardPath, JSON.stringify({ ...card, name: first }));
  const ids = others.map((_text, index) => `hostile-${index}`);
  for (const [index, name] of others.entries()) {
    const folder = join(modelsDir, `hostile-${index}`);
    await mkdir(folder);
    const hostile = { ...card, id: `hostile-${index}`, name, licence: name };
    await writeFile(join(folder, "card.json"), JSON.stringify(hostile));
  }
  const manifest = { default: "tales", models: ["tales", ...ids] };
  await writeFile(join(modelsDir, "manifest.json"), JSON.stringify(manifest));
  return modelsDir;
}

/** The email under which a hostile text asks to join; some are hostile themselves. */
export function hostileEmail(index: number): string {
  const local = (hostileTexts[index] ?? "").replace(/[\s@\p{C}]/gu, "").slice(0, 80);
  return `${index}${local}@hostile.test`;
}

/** Asks to join once for each text: as name, as organisation, in the reason and in the email. */
export async function askToJoinByEach({ server }: HostileInstallation): Promise<void> {
  const reason = hostileTexts.join("\n").slice(0, 1000);
  const ask = async (text: string, index: number) => {
    const answer = await fetch(`${server.url}/api/sign-up`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        origin: server.url,
        "x-forwarded-for": `192.0.2.${index + 1}`,
        "user-agent": latin(text),
      },
      body: JSON.stringify({
        email: hostileEmail(index),
        name: text.slice(0, 100),
        organisation: text.slice(0, 200),
        reason: index % 2 === 0 ? reason : text,
        password: hostilePassword,
        role: index % 3 === 0 ? "sponsor" : "editor",
      }),
    });
    if (answer.status !== 202) throw new Error(`${text}: ${answer.status} ${await answer.text()}`);
  };
  await inBatches(ask);
}

/**
 * Five texts at a time, in order: later batches come later, also in the server's own orders.
 * One after the other they would take the server's hashes and commits one after the other, too.
 */
async function inBatches(task: (text: string, index: number) => Promise<void>): Promise<void> {
  for (let start = 0; start < hostileTexts.length; start += 5)
    await Promise.all(
      hostileTexts.slice(start, start + 5).map((text, index) => task(text, start + index)),
    );
}

/** What a header can carry of a text. */
function latin(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "");
}

const usersSchema = z.object({ users: z.array(adminUserSchema), total: z.number() });

/** Lets all in but two, of whom one is rejected and one suspended, with a hostile reason each. */
export async function decideOnEach({ admin }: HostileInstallation): Promise<void> {
  const people: AdminUser[] = [];
  for (const page of [1, 2]) {
    const path = `/api/admin/users?status=pending&sort=createdAt&direction=asc&page=${page}`;
    const { users } = usersSchema.parse(await admin.json("GET", path));
    people.push(...users);
  }
  const reason = hostileTexts.join("\n").slice(0, 1000);
  const idOf = (index: number) => people.find(({ email }) => email === hostileEmail(index))?.id;
  const [rejected, suspended] = [idOf(0), idOf(1)];
  await admin.json("POST", `/api/admin/users/${rejected}/reject`, { reason });
  const ids = people.map(({ id }) => id).filter((id) => id !== rejected);
  const approved = manyDecisionsSchema.parse(
    await admin.json("POST", "/api/admin/users/approve", { ids, reason }),
  );
  if (approved.refused.length > 0) throw new Error(approved.refused[0]?.message);
  await admin.json("POST", `/api/admin/users/${suspended}/suspend`, { reason });
}

const documentSchema = z.object({ document: z.object({ id: z.string() }) });

/** One document with all texts in its body, title, versions and people; and one titled by each. */
export async function writeHostileDocuments({ owner }: HostileInstallation): Promise<string> {
  const body = hostileTexts.join("\n");
  const create = async (title: string, text: string) => {
    const answer = await owner.json("POST", "/api/documents", { title, body: text });
    return documentSchema.parse(answer).document.id;
  };
  await inBatches(async (text) => void (await create(text.slice(0, 200), text)));
  const id = await create(`Corpus <img src=x onerror=__pwned=1>`, body);
  await inBatches(async (text, index) => {
    await owner.json("POST", `/api/documents/${id}/versions`, { label: text.slice(0, 200) });
    if (index < 2) return;
    const role = index % 2 === 0 ? "editor" : "watcher";
    await owner.json("PUT", `/api/documents/${id}/assignments`, {
      email: hostileEmail(index),
      role,
    });
  });
  return id;
}

/** Signs in as who asked with this text. */
export function enterAs({ server }: HostileInstallation, index: number): Promise<Person> {
  return signIn(server.url, hostileEmail(index), hostilePassword);
}
