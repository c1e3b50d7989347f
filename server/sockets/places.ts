/** So many places under each key, an account or an address. */
export interface Places {
  /** Takes one until the returned function is called (idempotent); undefined where all are taken. */
  take(key: string): (() => void) | undefined;
}

export function createPlaces(most: number): Places {
  const taken = new Map<string, number>();
  return {
    take(key) {
      const others = taken.get(key) ?? 0;
      if (others >= most) return undefined;
      taken.set(key, others + 1);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        const left = (taken.get(key) ?? 1) - 1;
        if (left === 0) taken.delete(key);
        else taken.set(key, left);
      };
    },
  };
}
