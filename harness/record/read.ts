import { createReadStream } from 'node:fs';
import { messageOf, UsageError } from '../core/errors.js';
import { LineSplitter } from '../core/lines.js';
import { recordVersion, type RecordEvent } from './events.js';
import { recordEventSchema } from './schema.js';

interface Place {
  file: string;
  line: number;
}

/**
 * Streams the events of a record, checked line by line, with no more than one block of the file in memory.
 * A last line that a crash cut short is left out and told to `onNote`, one sentence. Anything else that is not an event of this
 * version, and a file that does not begin with `run-started`, throws UsageError naming file, line and what was expected.
 */
export async function* readRecord(
  file: string,
  onNote: (note: string) => void = () => undefined,
): AsyncGenerator<RecordEvent, void, undefined> {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  let at = 0;
  for await (const chunk of chunksOf(file)) {
    splitter.push(chunk);
    for (const line of lines.splice(0)) yield parseEvent(line, { file, line: (at += 1) });
  }
  splitter.end();
  const [rest] = lines;
  if (rest !== undefined) {
    const place = { file, line: (at += 1) };
    if (at > 1 && !isJson(rest)) onNote(`${file} line ${at} was cut short, as by a crash, and is left out`);
    else yield parseEvent(rest, place);
  }
  if (at === 0)
    throw new UsageError(`${file} is empty; expected a record that begins with a run-started event`, {
      data: { file },
    });
}

async function* chunksOf(file: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of createReadStream(file)) yield chunk as Buffer;
  } catch (thrown) {
    const expected = 'expected the record of a run (record.ndjson in its output folder)';
    throw new UsageError(`${file} cannot be read: ${messageOf(thrown)}; ${expected}`, {
      data: { file },
      cause: thrown,
    });
  }
}

function parseEvent(line: string, place: Place): RecordEvent {
  const value = parseJson(line, place);
  checkStart(typeof value === 'object' && value !== null ? { ...value } : {}, place);
  const parsed = recordEventSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  return refuse(place, `is not an event of a record: ${where}${where && ': '}${issue?.message ?? 'unknown shape'}`);
}

/** Before the shape: a newer version may have another, and a foreign file deserves a plainer answer. */
function checkStart({ event, version }: { event?: unknown; version?: unknown }, place: Place): void {
  if (event !== 'run-started') {
    if (place.line === 1) refuse(place, 'is not the beginning of a record: expected a run-started event');
  } else if (typeof version === 'number' && version > recordVersion) {
    refuse(place, `has version ${version}: expected ${recordVersion} or lower; a newer Godwit wrote it`);
  }
}

function parseJson(line: string, place: Place): unknown {
  try {
    return JSON.parse(line);
  } catch (thrown) {
    return refuse(place, `is not JSON: expected one event of a record (${messageOf(thrown)})`);
  }
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

function refuse(place: Place, fact: string): never {
  throw new UsageError(`${place.file} line ${place.line} ${fact}`, { data: { ...place } });
}
