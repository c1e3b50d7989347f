/**
 * Takes places by falling key, of equal keys the lower place first, up to and with the first for
 * which `goOn` says no. `places` must ascend; it is left as it is. Costs n + taken · log n.
 */
export function takeInOrder(
  places: Int32Array,
  keys: Float64Array,
  goOn: (place: number) => boolean,
): Int32Array {
  const heap = places.slice();
  const comesFirst = (a: number, b: number) => {
    const difference = (keys[a] ?? 0) - (keys[b] ?? 0);
    return difference > 0 || (difference === 0 && a < b);
  };
  for (let root = (heap.length >> 1) - 1; root >= 0; root--) {
    sink(heap, heap.length, root, comesFirst);
  }
  const taken = new Int32Array(heap.length);
  let count = 0;
  for (let left = heap.length; left > 0; left--) {
    const first = heap[0] ?? 0;
    taken[count++] = first;
    if (!goOn(first)) break;
    heap[0] = heap[left - 1] ?? 0;
    sink(heap, left - 1, 0, comesFirst);
  }
  return taken.slice(0, count);
}

/** Moves what stands at `root` below all that come before it. */
function sink(
  heap: Int32Array,
  length: number,
  root: number,
  comesFirst: (a: number, b: number) => boolean,
): void {
  const place = heap[root] ?? 0;
  let at = root;
  for (;;) {
    const left = 2 * at + 1;
    if (left >= length) break;
    const right = left + 1;
    const leftChild = heap[left] ?? 0;
    const rightChild = heap[right] ?? 0;
    const takesRight = right < length && comesFirst(rightChild, leftChild);
    const child = takesRight ? rightChild : leftChild;
    if (!comesFirst(child, place)) break;
    heap[at] = child;
    at = takesRight ? right : left;
  }
  heap[at] = place;
}
