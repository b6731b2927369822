import { quoteWord } from '../../machine/words.js';
import type { BisectWords } from './options.js';

/** The `godwit run` that plays builds once more as a search of the scenarios at `paths` did, as a line to paste. */
export function checkCommand(names: readonly string[], paths: readonly string[], words: BisectWords): string {
  const { vary, source, destination, machine = [], grep, accel, buildCommand, configure, features = [] } = words;
  const sides = {
    both: ['--source', ...names, '--pairs', 'same'],
    destination: ['--source', source ?? '', '--destination', ...names],
    source: ['--source', ...names, '--destination', destination ?? ''],
  }[vary];
  return [
    ...['godwit', 'run', ...paths, ...sides],
    ...(machine.length > 0 ? ['--machine', ...machine] : []),
    ...(grep ? ['--grep', grep.source] : []),
    ...(accel === 'auto' ? [] : ['--accel', accel]),
    ...given('--kernel', words.kernel),
    ...given('--initrd', words.initrd),
    ...given('--disk', words.disk),
    ...given('--append', words.append),
    ...(words.cold ? ['--cold'] : []),
    ...given('--configure', configure),
    ...given('--build-command', buildCommand),
    ...(features.length > 0 ? ['--features', ...features] : []),
    ...given('--firmware', words.firmware),
    '--no-known',
  ]
    .map(quoteWord)
    .join(' ');
}

function given(option: string, value: string | undefined): string[] {
  return value === undefined ? [] : [option, value];
}
