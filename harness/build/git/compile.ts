import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deadline } from '../../core/deadline.js';
import { BuildError, UsageError } from '../../core/errors.js';
import { findOnPath, runChild } from '../child.js';
import type { CompileLog } from './compile-log.js';
import { configureFlags } from './configure-flags.js';
import { gitEnvironment } from './git.js';
import type { CommitManifest } from './manifest.js';
import type { Recipe } from './recipe.js';
import { runInSession, type SessionEnd } from './session.js';
import type { WorkTree } from './work-tree.js';

export interface Compiling {
  tree: WorkTree;
  commit: string;
  recipe: Recipe;
  log: CompileLog;
  deadline: Deadline;
  signal?: AbortSignal;
  onProgress: (text: string) => void;
}

/** What came of a compile. */
export interface Compiled {
  /** Arguments of configure, or the user's own build command. */
  command: string[];
  /** Why the commit does not compile; undefined when it did. */
  failed?: NonNullable<CommitManifest['failed']>;
}

type Step = NonNullable<CommitManifest['failed']>['step'];

/** Throws BuildError, before anything is begun, where the host lacks a program without which no QEMU compiles. */
export function requirePrograms({ command }: Recipe): void {
  if (command || ninjaOnPath() !== undefined) return;
  throw new BuildError('there is no ninja on PATH, without which QEMU cannot be compiled');
}

function ninjaOnPath(): string | undefined {
  return ['ninja', 'ninja-build', 'samu'].find((name) => findOnPath(name) !== undefined);
}

/**
 * Compiles a work tree: configure and ninja in its folder `build`, or the user's own command in the tree. A commit that does not compile is a
 * result. Throws BuildError when the host could not compile it, UsageError when it is no QEMU, and the signal's reason when aborted.
 */
export async function compile(compiling: Compiling): Promise<Compiled> {
  return compiling.recipe.command
    ? runOwnCommand(compiling, compiling.recipe.command)
    : configureAndBuild(compiling, ninjaOnPath() ?? 'ninja');
}

async function runOwnCommand(compiling: Compiling, command: readonly string[]): Promise<Compiled> {
  for (const arch of compiling.recipe.targets) {
    const env = { GODWIT_ARCH: arch, GODWIT_COMMIT: compiling.commit };
    const failed = await runStep(compiling, 'build command', { command, env, cwd: compiling.tree.path });
    if (failed) return { command: [...command], failed };
  }
  return { command: [...command] };
}

async function configureAndBuild(compiling: Compiling, ninja: string): Promise<Compiled> {
  const { recipe, tree, deadline, signal, onProgress } = compiling;
  if (!existsSync(join(tree.path, 'configure'))) {
    throw new UsageError(`${compiling.commit.slice(0, 12)} is no commit of QEMU: it has no configure`, {
      data: { commit: compiling.commit },
    });
  }
  const cwd = join(tree.path, 'build');
  await mkdir(cwd, { recursive: true });
  const asked = { deadline, env: gitEnvironment(), cwd, ...(signal && { signal }) };
  const { stdout: help } = await runChild(['../configure', '--help'], asked);
  const { flags, unknown } = configureFlags({ recipe, help, lacksSubmodules: tree.lacksSubmodules });
  if (unknown.length > 0) onProgress(`its configure knows no feature ${unknown.join(', ')}`);
  const wholly = flags.includes('--enable-modules');
  // Modules have no target of their own; otherwise the emulators alone are a third of all there is.
  const binaries = wholly ? [] : recipe.targets.map((arch) => `qemu-system-${arch}`);
  const failed =
    (await runStep(compiling, 'configure', { command: ['../configure', ...flags], cwd })) ??
    (await runStep(compiling, 'ninja', { command: [ninja, ...binaries], cwd }));
  return { command: flags, ...(failed && { failed }) };
}

interface StepCommand {
  command: readonly string[];
  cwd: string;
  env?: Record<string, string>;
}

async function runStep(
  { tree, log, deadline, signal, onProgress }: Compiling,
  step: Step,
  { command, cwd, env }: StepCommand,
): Promise<CommitManifest['failed'] | undefined> {
  onProgress(step);
  const ended = await runInSession(command, {
    ...{ cwd, deadline, ...(signal && { signal }) },
    env: { ...gitEnvironment(), ...ccacheEnvironment(tree.path), NINJA_STATUS: '[%f/%t] ', ...env },
    onOutput: (chunk) => log.write(chunk),
  });
  const host = blameHost(ended, step, log);
  if (host !== undefined) {
    throw new BuildError(`the host could not compile it: ${host}; nothing was cached, the log is ${log.path}`, {
      data: { log: log.path, lastLines: log.lastLines, step },
    });
  }
  if (ended.exitCode === 0) return undefined;
  return { step, reason: log.reason, log: log.path, lastLines: log.lastLines };
}

/** What kept a compile from its end without being a fact about the commit. */
function blameHost({ exitCode, summary, late }: SessionEnd, step: Step, { told }: CompileLog): string | undefined {
  if (late) return `${step} did not end in time`;
  if (exitCode === 0) return undefined;
  if (told.diskFull !== undefined) return `the disk is full (${told.diskFull})`;
  if (told.killed !== undefined) return `a compiler was killed, or got no memory (${told.killed})`;
  if (exitCode === undefined) return `${step} was killed (${summary})`;
  // As a shell and ninja tell of a child's or their own end by INT, KILL and TERM.
  if ([130, 137, 143].includes(exitCode)) return `${step} was killed (exit status ${exitCode})`;
  if (exitCode === 126 || exitCode === 127) return `${step} could not be started (${told.error ?? summary})`;
  if (step === 'configure' && told.missing !== undefined) return `it lacks what configure asks for (${told.missing})`;
  return undefined;
}

/** ccache in front of the compiler, where there is one, so that one commit's objects are found again for the next; its folder is the user's. */
function ccacheEnvironment(tree: string): Record<string, string> {
  if (findOnPath('ccache') === undefined) return {};
  const compiler = process.env['CC'] ?? 'cc';
  const CC = /(?:^|\/)ccache(?:\s|$)/.test(compiler) ? compiler : `ccache ${compiler}`;
  return { CC, CCACHE_BASEDIR: tree, CCACHE_NOHASHDIR: '1' };
}
