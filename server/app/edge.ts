import { type Config, localOrigins } from "../config.ts";
import type { HttpServer } from "../http/http-server.ts";
import { createOriginCheck, type IsAllowedOrigin } from "../http/origin.ts";
import { createAddressReader, type ReadAddress } from "../http/sender.ts";

/** Whom the server believes about where a request comes from. */
export interface Edge {
  /** The first is the one to show in links. */
  publicOrigins: readonly string[];
  isAllowedOrigin: IsAllowedOrigin;
  readAddress: ReadAddress;
}

export function createEdge(config: Config, http: HttpServer): Edge {
  const publicOrigins = originsOf(config, http);
  return {
    publicOrigins,
    isAllowedOrigin: createOriginCheck(publicOrigins),
    readAddress: createAddressReader(config.trustedProxies),
  };
}

/** With port 0 the addresses are known only now. */
function originsOf(config: Config, http: HttpServer): readonly string[] {
  return config.port === 0
    ? [
        ...config.publicOrigins.filter((origin) => !origin.endsWith(":0")),
        ...localOrigins(http.port),
      ]
    : config.publicOrigins;
}
