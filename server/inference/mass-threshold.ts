/**
 * The highest key at which all weights whose key is at least as high add up to `mass`; the lowest key
 * where they never do. A search by halves, as quickselect: n steps on average, nothing is sorted.
 */
export function massThreshold(keys: Float64Array, weights: Float64Array, mass: number): number {
  let places = new Int32Array(keys.length).map((_, place) => place);
  let missing = mass;
  let lowest = Number.POSITIVE_INFINITY;
  while (places.length > 0) {
    const pivot = keys[places[places.length >> 1] ?? 0] ?? 0;
    const { above, below, aboveMass, pivotMass } = split(places, { keys, weights, pivot });
    if (above.length > 0 && aboveMass >= missing) {
      places = above;
      continue;
    }
    lowest = pivot;
    missing -= aboveMass + pivotMass;
    if (missing <= 0) break;
    places = below;
  }
  return lowest;
}

interface Halves {
  above: Int32Array<ArrayBuffer>;
  below: Int32Array<ArrayBuffer>;
  aboveMass: number;
  /** Of those whose key is the pivot. */
  pivotMass: number;
}

function split(
  places: Int32Array,
  { keys, weights, pivot }: { keys: Float64Array; weights: Float64Array; pivot: number },
): Halves {
  const sorted = new Int32Array(places.length);
  let above = 0;
  let below = places.length;
  let aboveMass = 0;
  let pivotMass = 0;
  for (let at = 0; at < places.length; at++) {
    const place = places[at] ?? 0;
    const key = keys[place] ?? 0;
    if (key > pivot) {
      sorted[above++] = place;
      aboveMass += weights[place] ?? 0;
    } else if (key < pivot) {
      sorted[--below] = place;
    } else {
      pivotMass += weights[place] ?? 0;
    }
  }
  return { above: sorted.subarray(0, above), below: sorted.subarray(below), aboveMass, pivotMass };
}
