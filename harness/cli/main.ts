#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { GodwitError, messageOf } from '../core/errors.js';

/** Exit statuses besides a run's own 0, 1, 3 and 130. To `git bisect run` all below 128 but 125 are a verdict. */
const isBisectRun = process.argv[2] === 'bisect' && process.argv.includes('--run');
const exitStatus = isBisectRun ? { usage: 128, broken: 128 } : { usage: 2, broken: 3 };

/** Every command, loaded when it is wanted: reading a log needs nothing of what a run needs. */
const commands = new Map<string, () => Promise<Command>>([
  ['run', async () => (await import('./run.js')).runCommand()],
  ['repro', async () => (await import('./repro.js')).reproCommand()],
  ['bisect', async () => (await import('./bisect/command.js')).bisectCommand()],
  ['compare', async () => (await import('./compare.js')).compareCommand()],
  ['explain', async () => (await import('./explain.js')).explainCommand()],
  ['stream', async () => (await import('./stream.js')).streamCommand()],
  ['vfio-user', async () => (await import('./vfio-user.js')).vfioUserCommand()],
  ['builds', async () => (await import('./builds.js')).buildsCommand()],
  ['machines', async () => (await import('./machines.js')).machinesCommand()],
  ['report', async () => (await import('./report.js')).reportCommand()],
]);

/** The command that the first word names, or all of them to choose from. */
async function programFor(word: string | undefined): Promise<Command> {
  const program = new Command('godwit').description(
    'live migration of real QEMU builds: scenarios, verdicts, and the register that is to blame',
  );
  const wanted = commands.get(word ?? '');
  for (const load of wanted ? [wanted] : commands.values()) program.addCommand(await load());
  return program;
}

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
  try {
    const program = await programFor(process.argv[2]);
    exitOverride(program);
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

// Node's own status for it would be 1, which says that something failed and not that Godwit did.
process.on('uncaughtException', (thrown) => {
  process.stderr.write(`godwit: ${thrown.stack ?? thrown.message}\n`);
  process.exit(exitStatus.broken);
});
await main();
