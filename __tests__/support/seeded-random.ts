/** Random integers from zero on and below the given one: the same ones for the same seed. */
export function seededBy(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = (state * 48_271) % 0x7fffffff) % below;
}
