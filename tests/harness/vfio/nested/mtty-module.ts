import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { writeOnce, writeWhole } from '../../../../harness/build/cache-folder.js';
import { quoted } from '../../../../harness/guest/linux/shell.js';
import { editMtty } from './mtty-edits.js';
import type { NestedHost } from './nested-host.js';
import { nestedFolder, type NestedPackages } from './packages.js';

const makefile = 'obj-m := mtty.o\n';

/**
 * Loads mtty, as edited, into the kernel of a nested host; compiled in there by the kernel's own compiler where the cache does not have it
 * (50 s under TCG), so that neither the host's compiler nor its C library matter. Throws GuestError with the compiler's words.
 */
export async function loadMtty(host: NestedHost, { kernel, toolchain, mttySource }: NestedPackages): Promise<void> {
  const source = editMtty(mttySource);
  const digest = createHash('sha256').update(JSON.stringify([kernel.packages, source, makefile, compile.toString()]));
  const folder = join(nestedFolder(), `mtty-${digest.digest('hex').slice(0, 16)}`);
  const module = join(folder, 'mtty.ko');
  if (!existsSync(module)) {
    await writeOnce(join(folder, 'mtty.c'), source);
    await writeOnce(join(folder, 'Makefile'), makefile);
    await writeWhole(module, await compile(host, { folder, toolchain, version: kernel.version }));
  }
  // The file's content comes over 9p, whoever compiled it.
  await host.sh(`cat ${quoted(module)} > /tmp/mtty.ko && insmod /tmp/mtty.ko`);
}

async function compile(
  host: NestedHost,
  { folder, toolchain, version }: { folder: string; toolchain: string; version: string },
): Promise<Buffer> {
  const root = quoted(toolchain);
  await host.sh(
    `for f in proc dev sys; do mount --bind /$f ${root}/$f || exit 1; done; mount -t tmpfs tmpfs ${root}/tmp && ` +
      `mkdir ${root}/tmp/mtty && cp ${quoted(folder)}/mtty.c ${quoted(folder)}/Makefile ${root}/tmp/mtty`,
  );
  const inside = `chroot ${root} /usr/bin/env -i PATH=/usr/bin:/usr/sbin`;
  // Types for BPF would take the kernel's own image, unpacked.
  const options = 'M=/tmp/mtty KCFLAGS=-g0 CONFIG_DEBUG_INFO_BTF_MODULES=';
  await host.sh(`${inside} make -C /usr/lib/modules/${version}/build ${options} modules 2>&1`);
  await host.sh(`${inside} strip --strip-debug /tmp/mtty/mtty.ko`);
  const text = await host.sh(`base64 ${root}/tmp/mtty/mtty.ko`);
  await host.sh(`for f in proc dev sys tmp; do umount ${root}/$f; done`);
  return Buffer.from(text, 'base64');
}
