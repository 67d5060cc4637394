/**
 * A list that is never written into: a change yields a new list that shares all but a few nodes with the old one, so that
 * its cost does not grow with the length (a 32-way trie; a million items are four nodes deep).
 */
export interface PersistentList<T> {
  readonly length: number;
  readonly root: Node<T>;
  /** Of the root, counted from the nodes that hold items. */
  readonly level: number;
}

/** Items at level 0, nodes of the level below at any other. */
type Node<T> = readonly (T | Node<T>)[];

const bits = 5;
const width = 1 << bits;

export const listOf = <T>(item: T): PersistentList<T> => ({ length: 1, root: [item], level: 0 });

export const itemAt = <T>({ root, length, level }: PersistentList<T>, index: number): T | undefined =>
  Number.isInteger(index) && index >= 0 && index < length ? find(root, index, level) : undefined;

/** The items in order. */
export const itemsOf = <T>({ root, level }: PersistentList<T>): T[] => collect(root, level);

/** The list with one more item at its end. */
export function appended<T>({ root, length, level }: PersistentList<T>, item: T): PersistentList<T> {
  const isFull = length === width << (level * bits);
  return isFull
    ? { length: length + 1, root: [root, branch(level, item)], level: level + 1 }
    : { length: length + 1, root: put(root, length, level, item), level };
}

/**
 * The list with another item in the place of one.
 * @throws {RangeError} when there is none of that index
 */
export function replaced<T>(list: PersistentList<T>, index: number, item: T): PersistentList<T> {
  if (!(index >= 0 && index < list.length))
    throw new RangeError(`there is no item ${index} among ${list.length}`);
  return { ...list, root: put(list.root, index, list.level, item) };
}

const slot = (index: number, level: number): number => (index >>> (level * bits)) & (width - 1);

function find<T>(node: Node<T>, index: number, level: number): T {
  const held = node[slot(index, level)];
  return level === 0 ? (held as T) : find(held as Node<T>, index, level - 1); // the level tells which it is
}

function put<T>(node: Node<T>, index: number, level: number, item: T): Node<T> {
  const at = slot(index, level);
  const copy = [...node];
  if (level === 0) copy[at] = item;
  else
    copy[at] =
      at < node.length
        ? put(node[at] as Node<T>, index, level - 1, item) // above level 0 there are only nodes
        : branch(level - 1, item);
  return copy;
}

/** A node of that level whose only item is this one. */
const branch = <T>(level: number, item: T): Node<T> => (level === 0 ? [item] : [branch(level - 1, item)]);

const collect = <T>(node: Node<T>, level: number): T[] =>
  level === 0
    ? (node as readonly T[]).slice()
    : (node as readonly Node<T>[]).flatMap((below) => collect(below, level - 1));
