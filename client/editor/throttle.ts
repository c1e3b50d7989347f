/** Calls a function soon after it is asked for, and at most once an interval. */
export interface Throttle {
  request: () => void;
  cancel: () => void;
}

/** Runs `task` `intervalMs` after the first request since it last ran. */
export function createThrottle(intervalMs: number, task: () => void): Throttle {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    request: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        task();
      }, intervalMs);
    },
    cancel: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
