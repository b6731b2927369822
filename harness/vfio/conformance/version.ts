import { Deadline } from '../../core/deadline.js';
import { RefusedError } from '../channel.js';
import { negotiate } from '../client.js';
import { encodeMessage } from '../protocol/message.js';
import { commands, regions } from '../protocol/numbers.js';
import { deviceInfo } from '../protocol/payloads.js';
import { ourVersion, type Version } from '../protocol/version.js';
import type { Bench } from './bench.js';
import type { Check } from './check.js';

const source = 'QEMU docs/interop/vfio-user.rst, VFIO_USER_VERSION';

const interruptLine = 0x3c;
const memory = { address: 1n << 33n, size: 0x1000n } as const;

/** Negotiation: what must be agreed on, and what must not. */
export const versionChecks: readonly Check[] = [
  {
    name: 'version: 0.0 is negotiated',
    proves: 'The server answers a proposal of version 0.0 with a version and capabilities that can be read.',
    source,
    run: async (bench) => {
      await bench.release();
      const { version } = await bench.client();
      const more = Object.keys(version.capabilities).filter((name) => !(name in ourVersion.capabilities));
      if (more.length > 0) bench.note(`the server names capabilities that were not proposed: ${more.join(', ')}`);
    },
  },
  {
    name: 'connection: the next client is served',
    proves: 'A client that leaves takes its memory with it; the device stays as it is for the next one.',
    source: 'QEMU docs/interop/vfio-user.rst, Client Disconnection',
    run: async (bench) => {
      const first = await bench.client();
      const before = await first.read(regions.config, interruptLine, 1);
      const changed = Buffer.from([(before[0] ?? 0) ^ 0x0f]);
      await first.write(regions.config, interruptLine, changed);
      await first.mapDma(memory.address, memory.size);
      await bench.release();
      bench.begin();
      const next = await bench.client();
      if (!(await next.read(regions.config, interruptLine, 1)).equals(changed)) {
        bench.find('Interrupt Line is lost with the client that wrote it');
      }
      await next.mapDma(memory.address, memory.size);
      await next.unmapDma(memory.address, memory.size);
      await next.write(regions.config, interruptLine, before);
    },
  },
  {
    name: 'version: data are optional',
    proves: 'The server negotiates with a client that sends its version numbers alone.',
    source,
    run: (bench) => mustAnswer(bench, Buffer.from([0, 0, 0, 0]), 'version 0.0 without data'),
  },
  {
    name: 'version: a later minor',
    proves: 'The server answers a client that knows a later minor version with its own.',
    source,
    run: async (bench) => {
      const proposed: Version = { ...ourVersion, minor: 0xffff };
      await using channel = await bench.fresh({ negotiated: false });
      try {
        await negotiate(channel, proposed, Deadline.after(bench.options.timeoutMs));
      } catch (thrown) {
        if (!(thrown instanceof RefusedError)) throw thrown;
        bench.find('version 0.65535 was refused, and all minor versions of a major one go together');
      }
    },
  },
  {
    name: 'version: a major it cannot know',
    proves: 'The server does not agree to a major version that does not exist.',
    source,
    run: (bench) => mustNotAgree(bench, Buffer.from([0xff, 0xff, 0, 0]), 'version 65535.0'),
  },
  {
    name: 'version: data that are no JSON',
    proves: 'The server does not agree with a client whose version data cannot be read.',
    source,
    run: (bench) => mustNotAgree(bench, Buffer.from('\0\0\0\0{"capabilities":\0'), 'version data that are no JSON'),
  },
  {
    name: 'version: a command before it',
    proves: 'The server does nothing for a client that has not negotiated.',
    source,
    run: async (bench) => {
      await using channel = await bench.fresh({ negotiated: false });
      const payload = deviceInfo.encode({ argsz: deviceInfo.bytes, flags: 0, numRegions: 0, numIrqs: 0 });
      const asked = encodeMessage({ id: 1, command: commands.DEVICE_GET_INFO, flags: 0, error: 0, payload });
      judge(bench, await bench.reactionTo(channel, asked), 'DEVICE_GET_INFO before VERSION');
    },
  },
];

async function mustAnswer(bench: Bench, payload: Buffer, what: string): Promise<void> {
  await using channel = await bench.fresh({ negotiated: false });
  const reaction = await bench.reactionTo(channel, versionMessage(payload));
  if (reaction !== 'answered') bench.find(`${what} was ${reaction === 'silent' ? 'not answered' : reaction}`);
}

async function mustNotAgree(bench: Bench, payload: Buffer, what: string): Promise<void> {
  await using channel = await bench.fresh({ negotiated: false });
  judge(bench, await bench.reactionTo(channel, versionMessage(payload)), what);
}

function judge(bench: Bench, reaction: string, what: string): void {
  if (reaction === 'answered') bench.find(`${what} was accepted`);
  if (reaction === 'silent') bench.find(`${what} was neither answered nor was the connection closed`);
}

function versionMessage(payload: Buffer): Buffer {
  return encodeMessage({ id: 1, command: commands.VERSION, flags: 0, error: 0, payload });
}
