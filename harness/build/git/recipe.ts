import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { UsageError } from '../../core/errors.js';

/** How commits are compiled, as a user wishes it; plain JSON. */
export interface CompileSettings {
  /** Arguments of QEMU's configure in place of Godwit's own choice of features. */
  configure?: readonly string[];
  /** A command in place of configure and ninja, as words: it runs without a shell in the work tree and leaves a `qemu-system-ARCH` there. */
  command?: readonly string[];
  /** Features of configure beyond the fewest, as in `--enable-FEATURE`: 'slirp', 'zstd', 'kvm'. */
  features?: readonly string[];
  /** What ROMs that the commit's own pc-bios lacks are taken from: a suite as in deb:bookworm, or a folder. */
  firmware?: string;
  /** Other architectures to compile in the same go. */
  targets?: readonly string[];
}

/** All of the settings that decide what is compiled. */
export interface Recipe {
  /** Sorted, each once. */
  targets: string[];
  features: string[];
  configure?: readonly string[];
  command?: readonly string[];
}

/** Checks the settings for a build of an architecture. Throws UsageError for a word that no architecture or feature can be. */
export function recipeOf(settings: CompileSettings, arch: string): Recipe {
  const { configure, command, features = [], targets = [] } = settings;
  check(targets, { what: 'architecture', form: /^[a-z0-9_]+$/, example: 'aarch64' });
  check(features, { what: 'feature of configure', form: /^[a-z0-9][a-z0-9_-]*$/i, example: 'slirp' });
  if (command?.length === 0) throw new UsageError('the build command has no words');
  if (command && (configure ?? features).length > 0) {
    throw new UsageError('a build command stands in place of configure: give it what it needs in its own words');
  }
  return {
    targets: [...new Set([arch, ...targets])].sort(),
    features: [...new Set(features)].sort(),
    ...(configure && { configure }),
    ...(command && { command }),
  };
}

function check(
  words: readonly string[],
  { what, form, example }: { what: string; form: RegExp; example: string },
): void {
  const wrong = words.find((word) => !form.test(word));
  if (wrong !== undefined) throw new UsageError(`"${wrong}" is no ${what}: write it as in ${example}`);
}

/** Variables of the environment that QEMU's configure reads and that decide what comes out. */
const decisive = ['CC', 'CXX', 'CFLAGS', 'CXXFLAGS', 'CPPFLAGS', 'LDFLAGS', 'PKG_CONFIG_PATH', 'PKG_CONFIG_LIBDIR'];

/** A digest of everything but commit and targets that decides what is compiled, 12 hexadecimal digits. */
export function recipeDigest({ features, configure, command }: Recipe): string {
  const environment = decisive.map((name) => process.env[name] ?? '');
  return digest([1, features, configure ?? null, command?.map(wordAndContent) ?? null, environment]);
}

/** A word of a build command; with what is in it, where it is a file of the user's own: what the commit has changes with the commit. */
function wordAndContent(word: string): string {
  if (!isAbsolute(word) || statSync(word, { throwIfNoEntry: false })?.isFile() !== true) return word;
  return `${word} ${createHash('sha256').update(readFileSync(word)).digest('hex')}`;
}

/** Names the folder of what a recipe makes of a commit. */
export function buildKey(commit: string, recipe: Recipe): string {
  return `${commit.slice(0, 12)}-${digest([commit, recipe.targets, recipeDigest(recipe)])}`;
}

function digest(facts: unknown): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 12);
}
