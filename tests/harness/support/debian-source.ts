import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { readLists } from '../../../harness/build/deb/apt.js';
import { Deadline } from '../../../harness/core/deadline.js';

const fetchMs = 10 * 60_000;
/** When QEMU 7.2.0 came out. */
const firstRelease = '2022-12-14T12:00:00Z';

/** Where the presence of a card in its slot is compared, and the line that leaves it out of the comparison. */
const comparison = {
  file: 'hw/pci/pcie.c',
  after:
    '    pci_word_test_and_set_mask(dev->w1cmask + pos + PCI_EXP_SLTSTA,\n                               PCI_EXP_HP_EV_SUPPORTED);\n',
  line: '    pci_word_test_and_clear_mask(dev->cmask + pos + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS);\n',
};

/**
 * A git repository of bookworm's QEMU, made from Debian's source package in `folder`: 7.2.0, one commit for each of its stable updates, and a last
 * one that changes one line, after which a slot that the guest powered off migrates. Needs apt-get, tar, patch and git.
 */
export async function stableUpdates(folder: string): Promise<{ repository: string; fix: string }> {
  const sources = await fetchSource(join(folder, 'apt'), join(folder, 'source'));
  const repository = join(folder, 'qemu');
  mkdirSync(repository);
  await execa('tar', ['-xf', sources.upstream, '--strip-components=1', '-C', repository]);
  const debian = join(folder, 'source');
  await execa('tar', ['-xf', sources.debian, '-C', debian]);
  const patches = join(debian, 'debian', 'patches');
  const series = readFileSync(join(patches, 'series'), 'utf8').split('\n');
  const updates = series.filter((name) => /^v7\.2\.\d+\.diff$/.test(name));

  const git = gitIn(repository);
  const patch = (name: string) =>
    execa('patch', ['-p1', '--silent', '--force', '--no-backup-if-mismatch', '-i', join(patches, name)], {
      cwd: repository,
    });
  await git('init', '--quiet', '--initial-branch=master');
  // The package leaves out firmware, and what would be built of it.
  for (const packing of ['skip-meson-pc-bios.diff', 'ignore-roms-dependency-in-qtest.patch']) await patch(packing);
  await git('add', '--all', '--force');
  await git('commit', '--quiet', '-m', 'QEMU 7.2.0');
  for (const update of updates) {
    await patch(update);
    await git('add', '--all', '--force');
    await git('commit', '--quiet', '-m', `QEMU ${update.slice(1, -'.diff'.length)}`);
  }
  const path = join(repository, comparison.file);
  const text = readFileSync(path, 'utf8');
  if (!text.includes(comparison.after)) throw new Error(`${comparison.file} is not what it was in 7.2.22`);
  writeFileSync(path, text.replace(comparison.after, `${comparison.after}${comparison.line}`));
  await git('commit', '--quiet', '--all', '-m', 'pcie: presence of a card is no reason to refuse a slot');
  return { repository, fix: await git('rev-parse', 'HEAD') };
}

/** `git WORDS` in a repository, as somebody whom its commits can name, and at one time: the same content is the same commit, and is compiled once. */
export function gitIn(repository: string): (...words: string[]) => Promise<string> {
  const who = ['-c', 'user.name=Godwit', '-c', 'user.email=godwit@localhost', '-c', 'commit.gpgSign=false'];
  const env = { GIT_AUTHOR_DATE: firstRelease, GIT_COMMITTER_DATE: firstRelease };
  return async (...words) => (await execa('git', ['-C', repository, ...who, ...words], { env })).stdout;
}

async function fetchSource(apt: string, folder: string): Promise<{ upstream: string; debian: string }> {
  mkdirSync(folder, { recursive: true });
  const { env } = await readLists({ suite: 'bookworm' }, apt, { deadline: Deadline.after(fetchMs) });
  const list = join(apt, 'sources', 'godwit.sources');
  writeFileSync(
    list,
    readFileSync(list, 'utf8')
      .replace(/^Types: deb$/gm, 'Types: deb-src')
      .replace(/^Architectures:.*\n/gm, ''),
  );
  await execa('apt-get', ['update'], { env });
  await execa('apt-get', ['source', '--download-only', 'qemu'], { env, cwd: folder });
  const fileOf = (ending: string): string => {
    const found = readdirSync(folder).find((name) => name.endsWith(ending));
    if (found === undefined) throw new Error(`the source package of QEMU brought no *${ending}`);
    return join(folder, found);
  };
  return { upstream: fileOf('.orig.tar.xz'), debian: fileOf('.debian.tar.xz') };
}
