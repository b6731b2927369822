/** What a set of pieces shows: it has what is looked for, it has not, or it cannot be judged. */
export type Shown = 'yes' | 'no' | 'unresolved';

/** Says of each of several sets of pieces what it shows, in their order; `left` is how many pieces are left at this moment. */
export type ShownBy<T> = (subsets: readonly (readonly T[])[], left: number) => Promise<readonly Shown[]>;

/**
 * The fewest pieces that still show what all of them show: of what is left, no piece can be taken away (1-minimal). Zeller's ddmin, with whole
 * rounds asked at once, and no set asked twice; pieces that can each be taken away are then tried without all of them.
 * That all pieces together show it is taken for granted. What cannot be judged counts as not shown.
 */
export async function minimised<T>(pieces: readonly T[], shown: ShownBy<T>): Promise<T[]> {
  const memory = new Memory(pieces, shown);
  let left = pieces.map((_, place) => place);
  let parts = 2;
  if (left.length > 0 && (await memory.showing([[]], left.length)).length > 0) return [];
  while (left.length > 1) {
    const chunks = chunked(left, Math.min(parts, left.length));
    const [whole] = await memory.showing(chunks, left.length);
    if (whole) {
      left = whole;
      parts = 2;
      continue;
    }
    const fewer = await withoutChunks(left, chunks, memory);
    if (fewer) {
      parts = Math.max(2, Math.min(parts, left.length) - 1);
      left = fewer;
    } else if (chunks.length === left.length) {
      break;
    } else {
      parts = Math.min(left.length, parts * 2);
    }
  }
  return left.flatMap((place) => pieces.slice(place, place + 1));
}

type Places = readonly number[];

/** Less than `left` that still shows it: without one of the chunks, or without all that can each be spared. */
async function withoutChunks<T>(
  left: Places,
  chunks: readonly Places[],
  memory: Memory<T>,
): Promise<number[] | undefined> {
  // Of two chunks, each is what is left without the other.
  if (chunks.length < 3) return undefined;
  const without = (gone: Places): number[] => left.filter((place) => !gone.includes(place));
  const smaller = await memory.showing(chunks.map(without), left.length);
  if (smaller.length < 2) return smaller[0];
  const spared = left.filter((place) => smaller.some((set) => !set.includes(place)));
  const [all] = await memory.showing([without(spared)], left.length);
  return all ?? smaller[0];
}

/** `parts` runs of places, each as long as the others, give or take one. */
function chunked(places: Places, parts: number): number[][] {
  const start = (part: number): number => Math.floor((part * places.length) / parts);
  return Array.from({ length: parts }, (_, part) => places.slice(start(part), start(part + 1)));
}

/** Sets that were asked for once are known. */
class Memory<T> {
  private readonly known = new Map<string, Shown>();

  constructor(
    private readonly pieces: readonly T[],
    private readonly shown: ShownBy<T>,
  ) {}

  /** Those of the sets that show what is looked for, in their order. */
  async showing(sets: readonly Places[], left: number): Promise<number[][]> {
    const unknown = new Map(sets.map((set): [string, Places] => [keyOf(set), set]));
    for (const key of this.known.keys()) unknown.delete(key);
    if (unknown.size > 0) {
      const subsets = [...unknown.values()].map((set) => set.flatMap((place) => this.pieces.slice(place, place + 1)));
      const answers = await this.shown(subsets, left);
      for (const [index, key] of [...unknown.keys()].entries()) this.known.set(key, answers[index] ?? 'unresolved');
    }
    return sets.filter((set) => this.known.get(keyOf(set)) === 'yes').map((set) => [...set]);
  }
}

function keyOf(places: Places): string {
  return places.join(' ');
}
