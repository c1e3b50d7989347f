import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, expect, test } from "vitest";
import { registerAccountCommands } from "../../server/cli/accounts.ts";
import { startTestApp } from "../support/app.ts";
import { compiledServer } from "../support/compiled-server.ts";
import { signIn } from "../support/person.ts";
import { copyEmptyDatabase } from "../support/pglite.ts";

const root = resolve(import.meta.dirname, "../..");

let dataDir: string;
beforeAll(async () => {
  dataDir = await copyEmptyDatabase();
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

/** Runs a command, compiled or with the program named, with `input` on its standard input. */
async function cli(command: string[], input = "", program?: string) {
  const child = spawn(process.execPath, [program ?? (await compiledServer("cli")), ...command], {
    cwd: root,
    env: { ...process.env, NODE_ENV: "", DATA_DIR: dataDir },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => {
      output += bytes.toString();
    });
  child.stdin.end(input);
  const [code] = await once(child, "close");
  return { code: code as number | null, output };
}

test("accounts made on the command line can sign in, with the role that they were given", async () => {
  const admin = await cli(
    ["create-admin", "--email", "Root@example.test", "--password-stdin"],
    "correct horse battery\n",
  );
  expect(admin).toMatchObject({ code: 0, output: expect.stringContaining("Root@example.test") });
  const user = await cli(
    "create-user --email nora@example.test --name Nora --role sponsor --password-stdin".split(" "),
    "a long password",
  );
  expect(user.code).toBe(0);

  const app = await startTestApp({ config: { dataDir } });
  try {
    const root = await signIn(app.url, "root@example.test", "correct horse battery");
    expect(await root.json("GET", "/api/me")).toMatchObject({
      user: { role: "admin", name: "Root" },
    });
    const nora = await signIn(app.url, "nora@example.test", "a long password");
    expect(await nora.json("GET", "/api/me")).toMatchObject({
      user: { role: "sponsor", name: "Nora" },
    });
    const busy = await cli(["migrate"]);
    expect(busy).toMatchObject({ code: 1, output: expect.stringMatching(/in use by process \d+/) });
  } finally {
    await app.stop();
  }
});

test("A17: whoever runs the server can make a link with which the only admin comes back in", async () => {
  const email = "lost@example.test";
  await cli(["create-admin", "--email", email, "--password-stdin"], "correct horse battery\n");
  const { code, output } = await cli(["reset-link", "--email", email, "--remove-totp"]);
  expect(code).toBe(0);
  const token = /^http:\/\/127\.0\.0\.1:\d+\/reset#([\w-]{43})$/m.exec(output)?.[1];
  const password = "a later evening fog";
  const app = await startTestApp({ config: { dataDir } });
  try {
    const answer = await fetch(`${app.url}/api/password-resets/use`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: app.url },
      body: JSON.stringify({ token, password }),
    });
    expect(answer.status).toBe(204);
    await signIn(app.url, email, password);
  } finally {
    await app.stop();
  }
});

test("a refusal is words on the terminal and exit code 1, not a stack trace", async () => {
  const { code, output } = await cli(
    ["create-admin", "--email", "a@b.test", "--password-stdin"],
    "short",
    "scripts/cli.mjs",
  );
  expect(code).toBe(1);
  expect(output.trim()).toBe("The password needs at least 15 characters. A few words do well.");
});

test.each([
  [["create-admin"], "--email"],
  [["create-admin", "--email", "nobody", "--password-stdin"], "email"],
  [["create-user", "--email", "a@b.test", "--role", "king"], "king"],
  [["create-user", "--email", "a@b.test"], "--role"],
  [["create-user", "--email", "a@b.test", "--role", "editor", "--name", " "], "name"],
])("A6: refuses %j and names what is wrong", async (command, named) => {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  registerAccountCommands(program);
  for (const child of program.commands) child.exitOverride().copyInheritedSettings(program);
  await expect(program.parseAsync(command, { from: "user" })).rejects.toThrow(named);
});
