import type { StreamDifference } from '../compare/diff.js';

/** Differences for people, line by line: what should not differ, then how much may. */
export function* showDifferences(
  differences: readonly StreamDifference[],
  options: { all: boolean },
): Generator<string> {
  const unexpected = differences.filter(({ expected }) => expected === undefined);
  for (const difference of unexpected) yield describeDifference(difference);
  if (unexpected.length === 0) yield 'no difference that should not be';
  const expected = differences.filter((difference) => difference.expected !== undefined);
  if (expected.length === 0) return;
  yield '';
  yield `${expected.length} values may differ${options.all ? ':' : ' (--all lists them)'}`;
  if (options.all)
    for (const difference of expected) yield `${describeDifference(difference)} (${difference.expected})`;
}

/** One difference as a sentence: what it is about, then both values. */
export function describeDifference({ kind, section, what, first, second }: StreamDifference): string {
  const values = `${first} against ${second}`;
  switch (kind) {
    case 'section':
      return `${section}: ${first === 'absent' ? 'only in the second capture' : 'only in the first capture'}`;
    case 'ram':
      return `RAM block ${what}: ${values}`;
    case 'pages':
      return `RAM, ${what}: ${first === 'unknown' ? 'contents unknown' : 'the contents differ'}`;
    case 'order':
      return `load order, ${what}: ${values}`;
    default:
      return `${section}: ${what}: ${values}`;
  }
}
