// Binary search: where a number stands among others in order.

/** Of the first `length` of an ascending array, how many are below `value`: where it stands, or would stand. */
export function countBelow(sorted: Uint32Array | Float64Array, value: number, length = sorted.length): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
