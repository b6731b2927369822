import { BuildError } from '../../core/errors.js';
import { type ChildOptions, type ChildResult, findOnPath, runChild } from '../child.js';

/**
 * What the environment of git and of a compile holds: none of the caller's own GIT_* variables, which may lead to another repository (a git
 * hook sets them), no question that nobody would answer, and no lock that a mere look at a checkout would take.
 */
export function gitEnvironment(): Record<string, string | undefined> {
  const inherited = Object.keys(process.env).filter((name) => name.startsWith('GIT_'));
  return {
    ...Object.fromEntries(inherited.map((name) => [name, undefined])),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
  };
}

/** Runs git in a folder; any exit status is a result. Throws BuildError where there is no git or the deadline passed, and the signal's reason. */
export async function tryGit(dir: string, args: readonly string[], options: ChildOptions): Promise<ChildResult> {
  if (findOnPath('git') === undefined)
    throw new BuildError('there is no git on PATH, without which no commit can be read');
  return runChild(['git', '-C', dir, ...args], { ...options, env: { ...options.env, ...gitEnvironment() } });
}

/** What git prints, without the last line feed. Throws BuildError with git's own words when it fails, and as `tryGit` does. */
export async function git(dir: string, args: readonly string[], options: ChildOptions): Promise<string> {
  const done = await tryGit(dir, args, options);
  if (done.exitCode === 0) return done.stdout;
  const command = args.find((word, index) => word !== '-c' && args[index - 1] !== '-c');
  throw new BuildError(`git ${command} in ${dir} failed: ${gitWords(done)}`, {
    data: { dir, args, exitCode: done.exitCode, stderr: done.stderr },
  });
}

/** The one line that says why git failed: a full disk shows in many, and only some name it. */
export function gitWords({ stderr, summary }: ChildResult): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const told = [/No space left on device/, /^(?:fatal|error): /].map((words) => lines.find((line) => words.test(line)));
  return told.find((line) => line !== undefined)?.replace(/^\w+: /, '') ?? lines.at(-1) ?? summary;
}
