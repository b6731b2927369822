import { z } from 'zod';
import { recordVersion, type RecordEvent } from './events.js';
import { stateAreas } from './outcome.js';
import { verdicts } from './verdict.js';

const text = z.string();
const number = z.number();
const moment = z.iso.datetime();

const finding = z.object({
  kind: text,
  side: z.enum(['source', 'destination']),
  summary: text,
  line: z.exactOptional(text),
  times: z.exactOptional(number),
  fields: z.record(text, z.union([text, number])),
  device: z.exactOptional(text),
  commandLine: z.exactOptional(text),
  why: z.exactOptional(text),
  path: z.exactOptional(z.array(text)),
  known: z.exactOptional(z.object({ words: text, source: text })),
});

const side = z.object({
  migrationStatus: z.exactOptional(text),
  runState: z.exactOptional(text),
  errorDesc: z.exactOptional(text),
  refusal: z.exactOptional(text),
  exitCode: z.exactOptional(number),
  signal: z.exactOptional(text),
  errorLines: z.array(text),
});

const value = z.union([number, text]);

const difference = z.object({
  area: z.exactOptional(z.enum(stateAreas)),
  device: text,
  address: text,
  offset: number,
  register: text,
  bits: z.array(text),
  source: value,
  destination: value,
});

const outcome = z.object({
  class: z.enum([
    'completed',
    'silent-difference',
    'load-failure',
    'refused',
    'cannot-start',
    'died',
    'hang',
    'harness-fault',
  ]),
  from: text,
  to: text,
  source: side,
  destination: side,
  totalMs: z.exactOptional(number),
  downtimeMs: z.exactOptional(number),
  heldMs: z.exactOptional(number),
  guestDowntimeMs: z.exactOptional(number),
  transferredBytes: z.exactOptional(number),
  passes: z.exactOptional(number),
  channels: z.exactOptional(
    z.array(z.object({ bytesToDestination: number, bytesToSource: number, file: z.exactOptional(z.string()) })),
  ),
  findings: z.array(finding),
  differences: z.array(difference),
});

const action = z.object({
  on: text,
  method: text,
  args: z.array(z.unknown()),
  gives: z.exactOptional(text),
  omitted: z.exactOptional(z.boolean()),
});

const result = z.object({
  verdict: z.enum(verdicts),
  reason: text,
  knownIssue: z.exactOptional(text),
  findings: z.array(finding),
  outcomes: z.array(outcome),
  actions: z.exactOptional(z.array(action)),
  durationMs: number,
  phasesMs: z.partialRecord(z.enum(['spawn', 'greeting', 'guest', 'migration', 'judging', 'end']), number),
  accel: text,
  guest: z.exactOptional(
    z.object({
      kind: z.enum(['payload', 'rtas', 'slof', 'linux']),
      start: z.enum(['cold', 'warm']),
      system: z.exactOptional(text),
    }),
  ),
  remarks: z.exactOptional(z.array(text)),
  rssBytes: number,
  folder: z.exactOptional(text),
});

const variation = z.object({
  label: text,
  added: z.exactOptional(z.array(text)),
  words: z.exactOptional(z.array(text)),
  destinationWords: z.exactOptional(z.array(text)),
  omitted: z.exactOptional(z.array(number)),
  capture: z.exactOptional(z.boolean()),
});

const cell = z.object({
  id: text,
  scenario: text,
  file: text,
  route: z.array(text),
  machineType: text,
  options: z.record(text, text),
  variation: z.exactOptional(variation),
  skip: z.exactOptional(text),
});

const build = z.object({ name: text, version: text, package: text, sha256: text });

/** The shape of one line of a record, for lines that may come from another machine; it accepts exactly what RecordEvent allows. */
export const recordEventSchema: z.ZodType<RecordEvent> = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('run-started'),
    version: z.int().min(1).max(recordVersion),
    at: moment,
    godwit: text,
    argv: z.array(text),
    seed: number,
    jobs: number,
    shard: z.exactOptional(text),
    builds: z.array(build),
    cells: z.array(cell),
  }),
  z.object({
    event: z.literal('plan-extended'),
    at: moment,
    builds: z.array(build),
    cells: z.array(cell),
    again: z.array(text),
  }),
  z.object({ event: z.literal('cell-started'), at: moment, cell: text, attempt: number, worker: number }),
  z.object({
    event: z.literal('cell-finished'),
    at: moment,
    cell: text,
    attempt: number,
    retried: z.boolean(),
    result,
  }),
  z.object({
    event: z.literal('run-finished'),
    at: moment,
    exitStatus: number,
    interrupted: z.boolean(),
    durationMs: number,
    peakRssBytes: number.exactOptional(),
  }),
]);
