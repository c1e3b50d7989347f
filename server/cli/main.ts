import { Command } from "commander";
import { readConfig } from "../config.ts";
import { AppError } from "../errors.ts";
import { registerAccountCommands } from "./accounts.ts";
import { registerConsoleCommand } from "./console.ts";
import { registerDatabaseCommands } from "./database.ts";
import { registerModelCommands } from "./models.ts";
import { registerResetLinkCommand } from "./reset-link.ts";

try {
  const program = new Command("npm run cli --")
    .description("Palimpsest on the command line")
    .showHelpAfterError();
  registerAccountCommands(program);
  registerDatabaseCommands(program);
  registerConsoleCommand(program);
  registerResetLinkCommand(program);
  registerModelCommands(program, readConfig());
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof AppError ? error.message : error);
  process.exitCode = 1;
}
