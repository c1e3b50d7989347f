import type { Command } from "commander";
import { withDatabase } from "./with-database.ts";

/** `migrate` */
export function registerDatabaseCommands(program: Command): void {
  program
    .command("migrate")
    .description("bring the database schema up to date (the server does so too when it starts)")
    .action(() =>
      withDatabase(async () => {
        console.log("The database schema is up to date.");
      }),
    );
}
