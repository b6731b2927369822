import { rmSync } from 'node:fs';
import { messageOf } from '../../core/errors.js';
import type { CellResult } from '../../record/events.js';
import { countOf } from '../../report/words.js';
import { varied } from '../../run/plan.js';
import { type Capture, readCapture } from '../../stream/capture.js';
import { StreamError } from '../../stream/errors.js';
import { readStreamFile } from '../../stream/input.js';
import { stateOf, type Tallies } from './judgement.js';
import type { PairName, Row } from './pairs.js';
import { streamChanges, type StreamChange } from './stream-changes.js';
import type { Bench, Turn, Verdicts } from './verdicts.js';

/** What one row's stream came to: what changes in it, or why it was not compared. */
export interface ComparedStream {
  cell: string;
  changes: StreamChange[];
  /** Why there is nothing to compare. */
  note?: string;
  /** False where only the shape was compared, for the guest runs. */
  values: boolean;
  /** Copies of the two streams, relative to the output folder; only where something changes and no guest runs. */
  files?: { base: string; patched: string };
}

/** Rows whose streams lie on the disk at the same time: those of Linux guests are as large as their memory. */
const rowsAtOnce = 16;
/** How often each build's stream is captured: what differs between the two is noise. */
const captures = 2;

/** Captures the first migration of every row from either build, on runs of their own, and compares them field by field. */
export async function compareStreams(bench: Bench, verdicts: Verdicts): Promise<ComparedStream[]> {
  const { rows, signal, onStep } = bench;
  const compared: ComparedStream[] = [];
  const wanted = rows.flatMap((row) => {
    const pairs = sourcesOf(verdicts.of(row));
    return pairs ? [{ row, pairs }] : [];
  });
  if (wanted.length > 0) onStep(`streams: ${countOf(wanted.length, 'cell')}, captured twice from either build…`);
  for (let from = 0; from < wanted.length && !signal.aborted; from += rowsAtOnce) {
    const some = wanted.slice(from, from + rowsAtOnce);
    const turns = some.flatMap(({ row, pairs }) => turnsOf(row, pairs));
    const results = await verdicts.play(turns);
    // Cut short, what is there of it says nothing.
    const isWhole = !results.includes(undefined);
    const found = (isWhole ? some : []).map(({ row }) => {
      const own = turns.flatMap((turn, place) => (turn.row === row ? [{ turn, result: results[place] }] : []));
      return compareRow(row, own);
    });
    compared.push(...found.map(({ stream }) => stream));
    const kept = new Set(found.flatMap((one) => one.kept));
    for (const path of results.flatMap(copiesIn)) if (!kept.has(path)) rmSync(path, { force: true });
  }
  return compared;
}

/** On which pair each build's stream is captured: on one that passes where there is one, for a destination that ends may cut it short. */
function sourcesOf(tallies: Tallies): Record<'base' | 'patched', PairName> | undefined {
  const best = (pairs: readonly PairName[]): PairName | undefined =>
    pairs.find((pair) => stateOf(tallies[pair]) === 'passes') ??
    pairs.find((pair) => ['fails', 'flaky'].includes(stateOf(tallies[pair])));
  const [base, patched] = [best(['base → base', 'base → patched']), best(['patched → patched', 'patched → base'])];
  return base && patched && { base, patched };
}

function turnsOf(row: Row, pairs: Record<'base' | 'patched', PairName>): Turn[] {
  const turns = [pairs.base, pairs.patched].flatMap((pair) => {
    const cell = row.cells[pair];
    // Another attempt at the same cell: whoever reads the record sees its channels.
    return cell ? [{ row, pair, cell: varied(cell, { label: '', capture: true }) }] : [];
  });
  return Array.from({ length: captures }, (_, again) => (again % 2 === 0 ? turns : turns.toReversed())).flat();
}

/** What a row's streams say, and the copies of them that are worth keeping. */
function compareRow(
  row: Row,
  own: readonly { turn: Turn; result: CellResult | undefined }[],
): { stream: ComparedStream; kept: string[] } {
  const filesOf = (role: string): StreamFile[] =>
    own.flatMap(({ turn, result }) => (turn.pair.startsWith(role) ? (fileOf(result) ?? []) : []));
  const files = { base: filesOf('base'), patched: filesOf('patched') };
  const values = own.every(({ result }) => result?.guest === undefined);
  const stream: ComparedStream = { cell: row.name, changes: [], values };
  const [first, second] = [files.base[0], files.patched[0]];
  try {
    const [base, patched] = [files.base.map(readFirst), files.patched.map(readFirst)];
    if (!isTwo(base) || !isTwo(patched) || !first || !second) return { stream: { ...stream, note: noCopy }, kept: [] };
    const changes = streamChanges({ base, patched, values });
    if (changes.length === 0) return { stream, kept: [] };
    // What a guest has in its memory would be in them too.
    if (!values) return { stream: { ...stream, changes }, kept: [] };
    const shown = { base: first.shown, patched: second.shown };
    return { stream: { ...stream, changes, files: shown }, kept: [first.path, second.path] };
  } catch (thrown) {
    if (!(thrown instanceof StreamError)) throw thrown;
    return { stream: { ...stream, note: `its stream cannot be read: ${messageOf(thrown)}` }, kept: [] };
  }
}

const noCopy = 'there is no copy of its stream: it never migrated, or has a relay of its own';

interface StreamFile {
  path: string;
  /** Relative to the output folder. */
  shown: string;
}

/** The main channel of a cell's first migration, where a copy of it was kept. */
function fileOf(result: CellResult | undefined): StreamFile | undefined {
  const path = result?.outcomes[0]?.channels?.[0]?.file;
  if (path === undefined) return undefined;
  return { path, shown: path.slice(Math.max(0, path.indexOf(result?.folder ?? path))) };
}

/** The copies of all channels of all migrations of a cell. */
function copiesIn(result: CellResult | undefined): string[] {
  const channels = result?.outcomes.flatMap((outcome) => outcome.channels ?? []) ?? [];
  return channels.flatMap(({ file }) => file ?? []);
}

function readFirst({ path }: StreamFile): Capture {
  return readStreamFile(path, (bytes) => readCapture(bytes));
}

function isTwo<T>(list: readonly T[]): list is readonly [T, T] {
  return list.length === captures;
}
