import { Command } from 'commander';
import { UsageError } from '../core/errors.js';
import type { Reading, StreamBytes } from '../stream/bytes.js';
import type { Capture } from '../stream/capture.js';
import { type Channel, readChannel } from '../stream/channel.js';
import { compareCaptures } from '../stream/compare/diff.js';
import { StreamError } from '../stream/errors.js';
import { readStandardInput, readStreamFile } from '../stream/input.js';
import { captureData } from '../stream/show/json.js';
import { loadOrder, orderViolations } from '../stream/compare/order.js';
import { showCapture } from '../stream/show/show.js';
import { showDifferences } from '../stream/show/show-diff.js';
import { showMultifd } from '../stream/show/show-multifd.js';
import { showOrder } from '../stream/show/show-order.js';
import { parseExpression } from './options/expression.js';

const ways = 'a file that a migration was sent to (exec:cat > FILE, file:FILE), or - for standard input';

/** `godwit stream`: reads migration streams, without a QEMU. */
export function streamCommand(): Command {
  return new Command('stream')
    .description('what a migration stream holds: sections, fields, load order, differences')
    .addCommand(
      new Command('show')
        .description('the sections with their sizes, and every field of every device')
        .argument('<file>', ways)
        .option('--sections', 'the sections only')
        .option('--device <re>', 'the fields of these devices only')
        .option(
          '--like <file>',
          'take the description of the devices from this stream, for one that has none (postcopy)',
        )
        .option('--json', 'as JSON, with whole buffers')
        .action(show),
    )
    .addCommand(
      new Command('order')
        .description('the order in which a destination loads devices, and the rules for it; exit 1 when one is broken')
        .argument('<file>', ways)
        .option('--json', 'as JSON')
        .action(order),
    )
    .addCommand(
      new Command('diff')
        .description('what differs between two streams, field by field; exit 1 when something differs that should not')
        .argument('<first>', ways)
        .argument('<second>', ways)
        .option('--ram', 'the contents of RAM too, page by page')
        .option('--all', 'also what differs in every capture, such as time')
        .option('--json', 'as JSON')
        .action(diff),
    );
}

interface ShowWords {
  sections?: true;
  device?: string;
  like?: string;
  json?: true;
}

async function show(file: string, words: ShowWords): Promise<void> {
  const device = words.device === undefined ? undefined : parseExpression('--device', words.device);
  const like = words.like === undefined ? undefined : await readMain(words.like);
  const read = await readOne(file);
  if (!read || (words.like !== undefined && !like)) return;
  if (read.kind === 'multifd') {
    print(words.json ? [JSON.stringify(read.channel, null, 2)] : showMultifd(read.channel));
    return;
  }
  const { capture } = read;
  if (like?.description) capture.description ??= like.description;
  if (words.json) print([JSON.stringify(captureData(capture), null, 2)]);
  else print(showCapture(capture, { fields: words.sections !== true, ...(device && { device }) }));
}

async function order(file: string, words: { json?: true }): Promise<void> {
  const capture = await readMain(file);
  if (!capture) return;
  const violations = orderViolations(capture);
  const named = violations.map(({ rule, early, late }) => ({ rule: rule.name, reason: rule.reason, early, late }));
  if (words.json) print([JSON.stringify({ order: loadOrder(capture), violations: named }, null, 2)]);
  else print(showOrder(capture, violations));
  if (violations.length > 0) process.exitCode = 1;
}

async function diff(first: string, second: string, words: { ram?: true; all?: true; json?: true }): Promise<void> {
  if (first === '-' && second === '-') throw new UsageError('only one of the two streams can come from standard input');
  const options = { pages: words.ram === true };
  const [one, other] = [await readMain(first, options), await readMain(second, options)];
  if (!one || !other) return;
  const differences = compareCaptures(one, other);
  if (words.json) print([JSON.stringify(differences, null, 2)]);
  else print(showDifferences(differences, { all: words.all === true }));
  if (differences.some(({ expected }) => expected === undefined)) process.exitCode = 1;
}

/** Reads a main channel, like `readOne`; throws UsageError for one of multifd, in which there are only pages. */
async function readMain(file: string, options: { pages?: boolean } = {}): Promise<Capture | undefined> {
  const read = await readOne(file, options);
  if (read?.kind === 'multifd') throw new UsageError(`${file} is a multifd channel: devices are in the main channel`);
  return read?.capture;
}

/** Reads a channel; of a stream that cannot be read, tells where and why, and returns undefined. */
async function readOne(file: string, options: { pages?: boolean } = {}): Promise<Channel | undefined> {
  const task = (bytes: StreamBytes): Reading<Channel> => readChannel(bytes, options);
  try {
    return file === '-' ? await readStandardInput(task) : readStreamFile(file, task);
  } catch (thrown) {
    if (!(thrown instanceof StreamError)) throw thrown;
    process.stderr.write(`godwit: ${file === '-' ? 'standard input' : file}, ${thrown.message}\n`);
    process.exitCode = 1;
    return undefined;
  }
}

function print(lines: Iterable<string>): void {
  process.stdout.write(`${[...lines].join('\n')}\n`);
}
