import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, UsageError } from '../core/errors.js';

/** Name of the journal inside the output folder of a search. */
export const journalFileName = 'journal.ndjson';

const journalVersion = 1;

const evidenceSchema = z.object({
  cell: z.string(),
  verdict: z.string(),
  /** One sentence; empty when passed. */
  reason: z.string(),
  /** What the failure was diagnosed as. */
  finding: z.string().optional(),
  /** The line of QEMU's log that says so. */
  line: z.string().optional(),
  /** Command lines and logs, relative to the output folder. */
  folder: z.string().optional(),
});

const buildSchema = z.object({ name: z.string(), version: z.string(), package: z.string(), sha256: z.string() });

const roundSchema = z.object({
  /** Name of what was asked. */
  suspect: z.string(),
  answer: z.enum(['good', 'bad', 'skip']),
  reason: z.string(),
  /** Every cell that was not skipped, the deciding one first. */
  cells: z.array(evidenceSchema),
  builds: z.array(buildSchema),
  /** Log of the compile, for a commit that does not compile. */
  log: z.string().optional(),
  durationMs: z.number(),
  at: z.string(),
});

const headSchema = z.object({ journal: z.number(), question: z.record(z.string(), z.string()) });

/** What a search asks, in words by which one search is told from another. */
export type Question = Readonly<Record<string, string>>;

/** One cell of a round, as a report tells it. */
export type Evidence = z.infer<typeof evidenceSchema>;

/** All cells of a suspect, played once, and what they came to. */
export type Round = z.infer<typeof roundSchema>;

/**
 * The answers of a search, each written when it is known, so that the same search goes on where it was ended, however it was ended.
 * A line that a crash cut short is forgotten.
 */
export class Journal {
  private constructor(
    private readonly file: string,
    /** Answers of earlier searches and of this one, in order. */
    readonly rounds: Round[],
  ) {}

  /**
   * Goes on with the journal in an output folder, or begins one. Throws UsageError when it answers another question, naming the
   * differences, when it is no journal, or when it cannot be written. `fresh` forgets what is there.
   */
  static open(folder: string, question: Question, { fresh = false } = {}): Journal {
    const file = join(folder, journalFileName);
    try {
      mkdirSync(folder, { recursive: true });
      if (fresh) rmSync(file, { force: true });
      const earlier = existsSync(file) ? wholeLines(readFileSync(file, 'utf8')) : [];
      const journal = new Journal(file, roundsOf(earlier, { file, question }));
      const lines = earlier.length > 0 ? earlier : [JSON.stringify({ journal: journalVersion, question })];
      writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
      return journal;
    } catch (thrown) {
      if (thrown instanceof UsageError) throw thrown;
      throw new UsageError(`--output ${folder} cannot be written: ${messageOf(thrown)}`, { cause: thrown });
    }
  }

  /** Writes an answer down; the kernel has it when this returns. */
  add(round: Round): void {
    appendFileSync(this.file, `${JSON.stringify(round)}\n`);
    this.rounds.push(round);
  }
}

function wholeLines(text: string): string[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '');
}

function roundsOf(lines: readonly string[], { file, question }: { file: string; question: Question }): Round[] {
  const [first, ...rest] = lines;
  if (first === undefined) return [];
  const head = headSchema.safeParse(jsonOf(first));
  if (!head.success || head.data.journal !== journalVersion)
    throw new UsageError(`${file} is no journal of this Godwit; accepted: another --output, or --fresh`);
  const differences = differencesOf(head.data.question, question);
  if (differences.length > 0) {
    const told = differences.join('; ');
    throw new UsageError(`${file} answers another question: ${told}; accepted: another --output, or --fresh`, {
      data: { file, differences },
    });
  }
  return rest.map((line, index) => {
    const round = roundSchema.safeParse(jsonOf(line));
    if (round.success) return round.data;
    throw new UsageError(`${file} line ${index + 2} is no answer of a search; accepted: another --output, or --fresh`);
  });
}

function differencesOf(there: Question, here: Question): string[] {
  const names = [...new Set([...Object.keys(there), ...Object.keys(here)])];
  return names
    .filter((name) => there[name] !== here[name])
    .map((name) => `${name} is ${there[name] ?? 'not given'} there and ${here[name] ?? 'not given'} here`);
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
