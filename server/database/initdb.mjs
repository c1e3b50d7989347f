/** Creates an empty PGlite database in the folder that is its one argument, and ends. */
import { PGlite } from "@electric-sql/pglite";

const database = await PGlite.create(process.argv[2]);
await database.close();
