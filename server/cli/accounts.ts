import { type Command, Option } from "commander";
import { z } from "zod";
import { emailSchema, nameSchema } from "#shared/http.ts";
import { type AccountRole, accountRoles } from "#shared/permissions.ts";
import { createAccounts } from "../accounts/accounts.ts";
import { refuseWeakPassword } from "../accounts/password-policy.ts";
import { parseInput } from "../http/input.ts";
import { readPassword } from "./password.ts";
import { withDatabase } from "./with-database.ts";

const accountSchema = z.strictObject({
  email: emailSchema,
  name: nameSchema,
  role: z.enum(accountRoles),
});

interface AccountOptions {
  email: string;
  name?: string;
  role: AccountRole;
  passwordStdin?: boolean;
}

/** `create-admin`, `create-user` */
export function registerAccountCommands(program: Command): void {
  program
    .command("create-admin")
    .description("make an account that decides who gets in")
    .requiredOption("--email <email>", "what the person signs in with")
    .option("--name <name>", "what others see; else the part of the email before @")
    .option("--password-stdin", "read the password from standard input")
    .action((options: Omit<AccountOptions, "role">) =>
      createAccount({ ...options, role: "admin" }),
    );
  program
    .command("create-user")
    .description("make an account that is active at once")
    .requiredOption("--email <email>", "what the person signs in with")
    .option("--name <name>", "what others see; else the part of the email before @")
    .addOption(
      new Option("--role <role>", "what the account may do")
        .choices(accountRoles)
        .makeOptionMandatory(),
    )
    .option("--password-stdin", "read the password from standard input")
    .action(createAccount);
}

async function createAccount(options: AccountOptions): Promise<void> {
  const { email, role } = options;
  const name = options.name ?? email.split("@")[0] ?? email;
  const account = parseInput(accountSchema, { email, name, role });
  const password = await readPassword(options);
  refuseWeakPassword({ ...account, password, withTotp: false });
  await withDatabase(async ({ database }) => {
    await createAccounts({ database, secure: false }).createAccount({ ...account, password });
    console.log(`${account.email} can sign in now (${account.role}).`);
  });
}
