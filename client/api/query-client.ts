import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./request.ts";

/** Retries only what may pass by itself: no answer, or a server that is not ready. */
function worthRetrying(failures: number, error: Error): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 503) && failures < 3;
}

/** The cache of HTTP answers, one a page. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: worthRetrying, staleTime: 5_000 },
      mutations: { retry: false },
    },
  });
}
