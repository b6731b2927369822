import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { messageOf, UsageError } from '../core/errors.js';
import { diagnoseLines } from '../diagnosis/diagnose.js';
import { readPastedLog } from '../diagnosis/log-lines.js';
import { splitWords } from '../machine/words.js';
import type { Side } from '../record/outcome.js';
import { renderExplainedLog, type ExplainedLog } from '../report/explained-log.js';
import { createPaint, wantsColor } from '../report/paint.js';
import { inStream, readDump } from './explain-spaces.js';
import { surmise } from './explain-topology.js';

interface Options {
  build?: string;
  machine?: string;
  cmdline?: string;
  config?: string;
  stream?: string;
  side: string;
  json?: boolean;
}

/** Exit status where nothing in the text could be diagnosed. */
const nothingDiagnosed = 1;

/** `godwit explain`: a pasted log in words. Exits 0 when something was diagnosed, 1 when nothing was. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('a migration error log in words: which device, which register, which bit, which known fix')
    .argument('[file]', 'the log, or the mail that quotes it; standard input unless named', '-')
    .option('--build <name>', 'the QEMU that printed it: deb:SUITE, a path, or a name on PATH')
    .option('--machine <type>', 'its machine type')
    .option('--cmdline <file>', 'file with its command line, - for standard input')
    .option('--config <file>', 'what lspci -xxxx prints of the device, or of all, or a copy of its /sys/…/config')
    .option('--stream <file>', 'a migration stream that was captured from the guest')
    .option('--side <side>', 'which side printed it, source or destination', 'destination')
    .option('--json', 'as JSON')
    .action(explain);
}

async function explain(file: string, options: Options): Promise<void> {
  if (file === '-' && options.cmdline === '-') {
    throw new UsageError('the log and --cmdline cannot both be standard input; name a file for one of them');
  }
  const text = readText(file, 'the log');
  const words = options.cmdline === undefined ? undefined : splitWords(readText(options.cmdline, '--cmdline'));
  const { messages, lines } = readPastedLog(text);
  const side = sideOf(options.side);
  const surmised = await surmise({
    text,
    messages,
    ...(words && { words }),
    ...(options.build !== undefined && { build: options.build }),
    ...(options.machine !== undefined && { machineType: options.machine }),
    ...(options.config !== undefined && { dump: readDump(options.config) }),
    ...(options.stream !== undefined && { stream: inStream(options.stream) }),
  });
  const findings = diagnoseLines(side, messages, surmised.topology);
  const explained: ExplainedLog = { findings, lines, notes: surmised.notes };
  print(explained, options.json === true);
  if (!findings.some(({ kind }) => kind !== 'undiagnosed')) process.exitCode = nothingDiagnosed;
}

function print(explained: ExplainedLog, json: boolean): void {
  const { stdout } = process;
  if (json) return void stdout.write(`${JSON.stringify(explained, undefined, 2)}\n`);
  const paint = createPaint(wantsColor({ output: stdout, env: process.env, folder: '', live: false }));
  const text = renderExplainedLog(explained, { columns: Math.min(stdout.columns || 110, 130), paint }).join('\n');
  stdout.write(`${text}\n`);
}

function sideOf(text: string): Side {
  if (text === 'source' || text === 'destination') return text;
  throw new UsageError(`'${text}' is no side; accepted: source, destination`);
}

/** Throws UsageError where there is no text: no such file, nothing in it, or bytes that are none. */
function readText(file: string, what: string): string {
  const name = file === '-' ? 'standard input' : file;
  if (file === '-' && process.stdin.isTTY)
    throw new UsageError(`${what} is to come from standard input, and that is a terminal; name a file or pipe it in`);
  let bytes: Buffer;
  try {
    bytes = readFileSync(file === '-' ? 0 : file);
  } catch (thrown) {
    throw new UsageError(`${what} cannot be read from ${name}: ${messageOf(thrown)}`, { cause: thrown });
  }
  const text = bytes.toString('utf8');
  if (text.trim() === '') throw new UsageError(`${name} is empty; expected ${what} as text`);
  if (bytes.includes(0) || (text.match(/\ufffd/g)?.length ?? 0) > text.length / 50) {
    throw new UsageError(`${name} holds bytes that are no text; expected ${what} as UTF-8 text`);
  }
  return text;
}
