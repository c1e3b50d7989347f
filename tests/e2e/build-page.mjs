import { ensureBuilt } from "../../scripts/build.mjs";

/** The servers of most of these tests are started past `npm start`, which would build the page. */
export default ensureBuilt;
