import { type Build, versionOf } from '../build/build.js';
import { commandWords } from '../scenario/command-words.js';
import type { Scenario } from '../scenario/definition.js';
import { combine } from './plan.js';

/** What of a command line needs which feature of QEMU's configure script, by its option and the beginning of its value. */
const needs: readonly { feature: string; option: RegExp; value?: RegExp }[] = [
  { feature: 'slirp', option: /^-(netdev|nic|net)$/, value: /^(type=)?user\b/ },
  { feature: 'l2tpv3', option: /^-netdev$/, value: /^(type=)?l2tpv3\b/ },
  { feature: 'vhost-user', option: /^-(netdev|device|chardev)$/, value: /^(type=|driver=)?vhost-user/ },
  { feature: 'vhost-vdpa', option: /^-(netdev|device)$/, value: /^(type=|driver=)?vhost-vdpa/ },
  { feature: 'vhost-kernel', option: /^-(netdev|device)$/, value: /\bvhost=on\b|^(driver=)?vhost-(vsock|scsi)/ },
  { feature: 'vhost-net', option: /^-netdev$/, value: /\bvhost=on\b/ },
  { feature: 'virtfs', option: /^-(fsdev|virtfs|device)$/, value: /^(local|proxy|synth|(driver=)?virtio-9p)/ },
  { feature: 'spice', option: /^-(spice|vga|device|chardev)$/, value: /^(port=|addr=|unix|qxl|(driver=)?qxl|spice)/ },
  { feature: 'vnc', option: /^-vnc$/ },
  { feature: 'tpm', option: /^-(tpmdev|device)$/, value: /^(emulator|passthrough|(driver=)?tpm-)/ },
  { feature: 'libusb', option: /^-device$/, value: /^(driver=)?usb-host\b/ },
  { feature: 'usb-redir', option: /^-device$/, value: /^(driver=)?usb-redir\b/ },
  { feature: 'smartcard', option: /^-device$/, value: /^(driver=)?(ccid-card-passthru|ccid-card-emulated)\b/ },
  { feature: 'u2f', option: /^-device$/, value: /^(driver=)?u2f-/ },
  { feature: 'numa', option: /^-object$/, value: /\bhost-nodes=/ },
  { feature: 'libpmem', option: /^-object$/, value: /\bpmem=on\b/ },
  { feature: 'linux-aio', option: /^-(drive|blockdev)$/, value: /\baio=native\b|"aio": ?"native"/ },
  { feature: 'linux-io-uring', option: /^-(drive|blockdev)$/, value: /\baio=io_uring\b|"aio": ?"io_uring"/ },
];

/**
 * The features of QEMU's configure script that the command lines of these scenarios cannot do without, sorted: what a build that is
 * compiled for them needs beyond the fewest. Features that only a body asks for (a compression of multifd) do not show there.
 */
export function featuresOf(scenarios: readonly Scenario[]): string[] {
  const found = scenarios.flatMap((scenario) => featuresOfWords(wordsOf(scenario)));
  return [...new Set(found)].sort();
}

function featuresOfWords(words: readonly string[]): string[] {
  return words.flatMap((option, index) =>
    needs.flatMap((need) => {
      const fits = need.option.test(option) && (need.value?.test(words[index + 1] ?? '') ?? true);
      return fits ? need.feature : [];
    }),
  );
}

/** The words of every cell that the scenario may make, as far as they can be told before there is a build. */
function wordsOf(scenario: Scenario): readonly string[] {
  const [machineType = ''] = [scenario.machines].flat();
  return combine(scenario.options ?? {}).flatMap((options) => {
    const shape = { machineType, options, route: [nobody, nobody] };
    try {
      const other = scenario.destination?.(shape).devices;
      return [...commandWords(scenario.devices, shape), ...commandWords(other, shape)];
    } catch {
      // It wants to know more of its cell: what it needs shows when the build is started.
      return [];
    }
  });
}

/** A build that is yet to be compiled, for scenarios whose words depend on it: newer than any. */
const nobody: Build = {
  name: '',
  version: versionOf({ major: 99, minor: 0, micro: 0 }),
  arch: '',
  package: '',
  sha256: '',
  binary: '',
  command: [],
  env: {},
  probe: {
    version: versionOf({ major: 99, minor: 0, micro: 0 }),
    arch: '',
    package: '',
    machineTypes: [],
    devices: [],
    accelerators: [],
    migrationCapabilities: [],
    migrationParameters: [],
    compatProperties: undefined,
  },
};
