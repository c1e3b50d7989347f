import { AppError } from "../errors.ts";
import { liveRunsByModel } from "../generation/live-runs-by-model.ts";
import { inUse } from "../model-library/model-desk.ts";
import { withDatabase } from "./with-database.ts";

/**
 * Throws ConflictError `model_in_use` with the number of runs that live with the model, unless forced.
 * While a server holds the embedded database nobody else can ask it: then it is the server's to remove.
 */
export async function refuseInUse(id: string, { force }: { force: boolean }): Promise<void> {
  if (force) return;
  try {
    await withDatabase(async ({ database }) => {
      const liveRuns = (await liveRunsByModel(database)).get(id) ?? 0;
      if (liveRuns > 0) throw inUse(id, liveRuns);
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "data_folder_in_use") throw error;
    const message = `${error.message}\nA server is running, and only it knows the runs that use ${id}: remove the model on its Models page, or stop it first, or say --force.`;
    throw new AppError(error.code, error.status, message, { cause: error });
  }
}
