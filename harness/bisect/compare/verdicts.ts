import type { CellResult, PlannedCell } from '../../record/events.js';
import { countOf } from '../../report/words.js';
import type { RunSession } from '../../run/session.js';
import { addResult, emptyTally, type Tallies, triesWanted } from './judgement.js';
import { type Builds, type PairName, pairNames, type Row } from './pairs.js';

/** What the parts of a comparison share. */
export interface Bench {
  session: RunSession;
  rows: readonly Row[];
  builds: Builds;
  signal: AbortSignal;
  /** Gets one line for each step. */
  onStep: (text: string) => void;
}

/** One run of a row's cell that is to come. */
export interface Turn {
  row: Row;
  pair: PairName;
  cell: PlannedCell;
}

/** Runs cells and keeps count of what they came to, whatever they were run for. */
export class Verdicts {
  private readonly tallies = new Map<Row, Tallies>();
  /** The last result of each cell, for what it used and how long it took. */
  private readonly last = new Map<string, CellResult>();

  constructor(private readonly bench: Bench) {}

  /** Runs every cell once; then those on which pairs differ, until what they say is certain. */
  async find(): Promise<void> {
    const { rows, signal, onStep } = this.bench;
    // Neighbours in time are the pairs of a row, now in this order and now in the other: what the host does hits all alike.
    const turns = rows.flatMap((row, number) => {
      const own = turnsOf(row, Object.fromEntries(pairNames.map((pair) => [pair, 1])));
      return number % 2 === 0 ? own : own.reverse();
    });
    onStep(`step 1: ${countOf(rows.length, 'cell')} on four pairs, ${countOf(turns.length, 'run')}…`);
    await this.play(turns);
    // Twice: what differs steadily, and what turns out not to be steady.
    for (let round = 0; round < 2 && !signal.aborted; round += 1) {
      const differing = rows.map((row) => turnsOf(row, triesWanted(this.of(row)))).filter((own) => own.length > 0);
      if (differing.length === 0) break;
      const count = countOf(differing.flat().length, 'run');
      const what = round === 0 ? 'pairs differ' : 'verdicts are not the same every time';
      onStep(`step ${round + 2}: ${what} in ${countOf(differing.length, 'cell')}, ${count} more…`);
      await this.play(differing.flat());
    }
  }

  /** Runs cells once each, as many at a time as the session has workers. Results, in order, of what was not interrupted. */
  async play(turns: readonly Turn[]): Promise<(CellResult | undefined)[]> {
    const { base, patched } = this.bench.builds;
    const cells = turns.map(({ cell }) => cell);
    const results = await this.bench.session.play({ builds: [base, patched], cells });
    return turns.map((turn, place) => {
      const result = results[place];
      const isCut = result?.verdict === 'skipped' && turn.cell.skip === undefined;
      if (!result || isCut) return undefined;
      const tallies = this.of(turn.row);
      addResult((tallies[turn.pair] ??= emptyTally()), result);
      this.last.set(turn.cell.id, result);
      return result;
    });
  }

  of(row: Row): Tallies {
    const tallies = this.tallies.get(row) ?? {};
    this.tallies.set(row, tallies);
    return tallies;
  }

  lastOf({ cells }: Row, pair: PairName): CellResult | undefined {
    return this.last.get(cells[pair]?.id ?? '');
  }
}

/** A row's cells, each as often as wanted, taking turns. */
function turnsOf(row: Row, times: Partial<Record<PairName, number>>): Turn[] {
  const most = Math.max(0, ...Object.values(times));
  return Array.from({ length: most }, (_, round) => {
    const pairs = pairNames.filter((pair) => (times[pair] ?? 0) > round);
    const turns = pairs.flatMap((pair) => {
      const cell = row.cells[pair];
      return cell ? [{ row, pair, cell }] : [];
    });
    return round % 2 === 0 ? turns : turns.reverse();
  }).flat();
}
