const lineLength = 140;

/** A size for people: "16 MiB", "592929 bytes" where it is no round number. */
export function inBytes(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size} ${unit}`;
  }
  return `${bytes} bytes`;
}

/** Counts by their names: "120 raw pages, 3976 zero pages". */
export function countsInWords(counts: Readonly<Record<string, number>>): string {
  const words = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return Object.entries(counts)
    .map(([name, count]) => `${count} ${words(name)}`)
    .join(', ');
}

/** Words behind a label, broken into lines that begin where the first word does. */
export function* padded(label: string, words: readonly string[]): Generator<string> {
  let line = label;
  const indent = ' '.repeat(label.length);
  for (const word of words) {
    if (line.length + word.length > lineLength && line.trim() !== label.trim() && line !== indent) {
      yield line.trimEnd();
      line = indent;
    }
    line += `${word} `;
  }
  yield line.trimEnd();
}
