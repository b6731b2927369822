import type { Recipe } from './recipe.js';

/** Where an installed QEMU of ours would lie. One fixed path, so that ccache finds every commit's files again; nothing is ever put there. */
const prefix = '/nonexistent/godwit';

export interface FlagsFor {
  recipe: Recipe;
  /** What `configure --help` of the commit prints. */
  help: string;
  /** Whether configure has to fetch submodules. */
  lacksSubmodules: boolean;
}

/** What a commit's configure is given. */
export interface ConfigureFlags {
  flags: string[];
  /** Wished features that this commit's configure does not know. */
  unknown: string[];
}

/** Features that QEMU's system emulators need, or that a build without all others still should have. */
const needed = ['tcg', 'fdt', 'pixman'];
/** What takes time to compile and that no migration needs. */
const needless = ['docs', 'tools', 'guest-agent', 'werror', 'debug-info', 'gtk', 'sdl', 'user'];

/** The fewest features with which a system emulator runs, as far as the commit's configure knows them; or the user's own arguments. */
export function configureFlags({ recipe, help, lacksSubmodules }: FlagsFor): ConfigureFlags {
  const known = knownFeatures(help);
  const own = recipe.configure ?? [];
  const given = (option: string): boolean => own.some((word) => word === option || word.startsWith(`${option}=`));
  const wished = recipe.features.filter((feature) => known.has(feature));
  const chosen = recipe.configure ?? [
    ...(help.includes('--without-default-features') ? ['--without-default-features'] : []),
    ...needed.filter((feature) => known.has(feature)).map((feature) => `--enable-${feature}`),
    ...needless
      .filter((feature) => known.has(feature) && !wished.includes(feature))
      .map((feature) => `--disable-${feature}`),
    ...(help.includes('--with-git-submodules') && !lacksSubmodules ? ['--with-git-submodules=ignore'] : []),
  ];
  return {
    flags: [
      ...(given('--target-list') ? [] : [`--target-list=${recipe.targets.map((arch) => `${arch}-softmmu`).join(',')}`]),
      ...(given('--prefix') ? [] : [`--prefix=${prefix}`]),
      ...chosen,
      ...wished.map((feature) => `--enable-${feature}`),
    ],
    unknown: recipe.features.filter((feature) => !known.has(feature)),
  };
}

/**
 * Features as `configure --help` names them: in options of their own (`--enable-fdt`, `--disable-werror`) and, since QEMU 1.3, in a list of
 * bare words with what each is for.
 */
function knownFeatures(help: string): Set<string> {
  const options = [...help.matchAll(/--(?:enable|disable)-([a-z0-9][\w-]*)/g)];
  const listed = [...help.matchAll(/^ {2}([a-z0-9][\w-]*)(?: +\S.*)?$/gm)];
  return new Set([...options, ...listed].flatMap(([, name]) => name ?? []));
}
