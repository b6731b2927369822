#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { GodwitError, messageOf } from '../core/errors.js';
import { buildsCommand } from './builds.js';
import { explainCommand } from './explain.js';
import { machinesCommand } from './machines.js';
import { reportCommand } from './report.js';
import { reproCommand } from './repro.js';
import { runCommand } from './run.js';
import { streamCommand } from './stream.js';

/** Exit statuses besides a run's own 0, 1, 3 and 130. */
const exitStatus = { usage: 2, broken: 3 };

const program = new Command('godwit')
  .description('live migration of real QEMU builds: scenarios, verdicts, and the register that is to blame')
  .addCommand(runCommand())
  .addCommand(reproCommand())
  .addCommand(explainCommand())
  .addCommand(buildsCommand())
  .addCommand(streamCommand())
  .addCommand(machinesCommand())
  .addCommand(reportCommand());

function exitOverride(command: Command): void {
  command.exitOverride();
  command.commands.forEach(exitOverride);
}

/** Whoever reads the output may stop (`| head`): what is being done goes on to its end, unseen. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

async function main(): Promise<void> {
  outliveReaders();
  exitOverride(program);
  try {
    await program.parseAsync();
  } catch (thrown) {
    if (thrown instanceof CommanderError) {
      process.exitCode = thrown.exitCode === 0 ? 0 : exitStatus.usage;
      return;
    }
    const known = thrown instanceof GodwitError;
    process.stderr.write(
      `godwit: ${known || !(thrown instanceof Error) ? messageOf(thrown) : (thrown.stack ?? thrown.message)}\n`,
    );
    process.exitCode = known && thrown.code === 'usage' ? exitStatus.usage : exitStatus.broken;
  }
}

await main();
