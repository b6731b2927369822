import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Build } from '../../../../harness/build/build.js';
import { cacheFolder } from '../../../../harness/build/cache-folder.js';
import type { Deadline } from '../../../../harness/core/deadline.js';
import { DisposeStack } from '../../../../harness/core/dispose.js';
import { GuestError, messageOf, UsageError } from '../../../../harness/core/errors.js';
import { LineSplitter } from '../../../../harness/core/lines.js';
import { SocketListener } from '../../../../harness/core/socket.js';
import { bootLinux, type BootedLinux } from '../../../../harness/guest/linux/boot.js';
import { imageWords, linuxImage } from '../../../../harness/guest/linux/image/initramfs.js';
import { quoted } from '../../../../harness/guest/linux/shell.js';
import { Machine } from '../../../../harness/machine/machine.js';
import { InnerSockets } from './inner-sockets.js';
import { nestedFolder, type NestedPackages } from './packages.js';
import { UserNetwork } from './user-network.js';

export interface NestedHostOptions {
  packages: NestedPackages;
  /** The QEMU that the nested host runs on. */
  build: Build;
  /** Private folder for sockets and logs. */
  folder: string;
  /** How long anything of it may take, from the boot to its end. */
  deadline: Deadline;
}

/** Milliseconds in which a command ends in the guest: a compiler needs most of them, under TCG. */
const commandMs = 10 * 60_000;

/**
 * A Linux with the kernel's own VFIO, in a QEMU of the host, in which other QEMUs run: only they do. Godwit stays outside and has all their
 * sockets by TCP over QEMU's user network, so that nothing but busybox and the builds themselves need run in there. The guest can read the
 * fetched suites and its own compiler, and write to nothing of the host but one folder.
 */
export class NestedHost implements AsyncDisposable {
  private readonly undo = new DisposeStack();
  private readonly network: UserNetwork;

  private constructor(
    private readonly options: NestedHostOptions,
    private readonly booted: BootedLinux,
    { server, machine }: { server: Server; machine: Machine },
  ) {
    this.network = new UserNetwork(machine);
    server.on('connection', (control) => void this.serve(control));
  }

  static async boot(options: NestedHostOptions): Promise<NestedHost> {
    await using undo = new DisposeStack();
    const { packages, build, folder, deadline } = options;
    const shared = sharedFolder(options);
    await mkdir(shared, { mode: 0o700 });
    // The guest has them at the same paths, so that a command line of the host is one of the guest.
    const shares = [nestedFolder(), join(cacheFolder(), 'deb'), shared].map((path, index) => {
      const isOurs = path === shared;
      return { path, tag: `share${index}`, readonly: isOurs ? 'off' : 'on', mount: isOurs ? 'rw' : 'cache=loose,ro' };
    });
    const modules = ['virtio_net', '9p', '9pnet_virtio', 'mdev', 'vfio', 'vfio_iommu_type1'];
    const image = await linuxImage(packages.kernel, { modules });
    const words = [
      ...imageWords(image),
      ...shares.flatMap(({ path, tag, readonly }) => [
        ...['-fsdev', `local,id=${tag},path=${path.replaceAll(',', ',,')},security_model=none,readonly=${readonly}`],
        ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
      ]),
      ...[...UserNetwork.words, '-device', 'virtio-rng-pci'],
    ];
    const machine = await Machine.launch(
      { build, machineType: 'q35', accel: 'tcg', memoryMiB: 1024, words, incoming: false, serials: 2 },
      { label: 'nested', folder, logFolder: folder, deadline },
    );
    undo.use(machine);
    const booted = undo.use(await bootLinux(machine, { deadline }));
    const server = createServer();
    undo.defer(() => server.close());
    server.listen(join(folder, 'control'));
    await once(server, 'listening');
    const host = new NestedHost(options, booted, { server, machine });
    await host.sh(`ifconfig eth0 ${UserNetwork.guest} netmask 255.255.255.0 up`);
    for (const { path, tag, mount } of shares) {
      const how = `trans=virtio,version=9p2000.L,msize=262144,${mount}`;
      await host.sh(`mkdir -p ${quoted(path)} && mount -t 9p -o ${how} ${tag} ${quoted(path)}`);
    }
    host.undo.use(undo.move());
    return host;
  }

  /** A folder of the host that the guest has at the same path and may write to: for what a QEMU there leaves for Godwit, such as its trace. */
  get shared(): string {
    return sharedFolder(this.options);
  }

  /** The output of a command that must succeed, without its last line feed. Throws GuestError with what it printed otherwise. */
  async sh(command: string): Promise<string> {
    const { output, status } = await this.booted.session.run(command, {
      deadline: this.options.deadline.within(commandMs),
    });
    if (status === 0) return output.replace(/\n$/, '');
    throw new GuestError(`'${command}' ended with status ${status} in the nested guest: ${output.trim()}`);
  }

  /** The same build, but each QEMU of it is started in the guest. Throws UsageError for one that the guest does not have. */
  nest(build: Build): Build {
    if (!build.name.startsWith('deb:'))
      throw new UsageError(`${build.name} is no suite: the nested guest has only those`);
    const standIn = fileURLToPath(new URL('inner-qemu.ts', import.meta.url));
    const node = [process.execPath, '--import', import.meta.resolve('tsx'), standIn];
    const env = Object.entries(build.env).map(([name, value]) => `${name}=${value}`);
    const control = join(this.options.folder, 'control');
    return { ...build, command: [...node, control, 'env', ...env, ...build.command], env: {} };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.undo[Symbol.asyncDispose]();
  }

  /** Starts the QEMU that a stand-in asks for, and carries its sockets, its output and its exit status until either of them ends. */
  private async serve(control: Socket): Promise<void> {
    const closed = new Promise<undefined>((resolve) => control.once('close', () => resolve(undefined)));
    control.on('error', () => undefined);
    await using opened = new DisposeStack();
    try {
      const words = JSON.parse(await firstLine(control)) as string[];
      const sockets = new InnerSockets(this.network, (thrown) => control.write(`${messageOf(thrown)}\n`));
      const inside = await opened.use(sockets).words(words);
      const { address, peer } = opened.use(await SocketListener.listen(this.network.freePort));
      const { host, port } = this.network.outward(address);
      await this.sh(`( ( nc ${host} ${port} -e /bin/sh ) < /dev/null > /dev/null 2>&1 & )`);
      const wire = await Promise.race([peer, closed]);
      if (!wire) return;
      // The end of the wire is the end of the QEMU; the shell reads all of it before it runs any of it.
      wire.write(
        `{ exec 3<&0; ${inside.map(quoted).join(' ')} < /dev/null 2>&1 & q=$!; ` +
          `( cat <&3 > /dev/null; kill -9 $q ) & wait $q; printf '\\0%d\\n' $?; exit; }\n`,
      );
      wire.pipe(control);
    } catch (thrown) {
      control.end(`${messageOf(thrown)}\n\x00125\n`);
    }
    await closed;
  }
}

function sharedFolder({ folder }: NestedHostOptions): string {
  return join(folder, 'shared');
}

function firstLine(wire: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = new LineSplitter(resolve);
    wire.on('data', (chunk) => lines.push(chunk));
    wire.on('close', () => reject(new GuestError('the stand-in of a QEMU has ended before it said what to start')));
  });
}
