import { type Build, parseVersion } from '../../../harness/build/build.js';
import type { Outcome } from '../../../harness/migration/outcome.js';
import type { Finding } from '../../../harness/record/outcome.js';

/** A build as data: for what decides by names, versions, machine types and devices alone, and starts nothing. */
export function imaginedBuild(
  name: string,
  version: string,
  { machineTypes = [] as string[], devices = [] as string[], accelerators = ['tcg'], arch = 'x86_64' } = {},
): Build {
  const types = machineTypes.map((type, index) => ({
    name: type,
    ...(index === machineTypes.length - 1 && { alias: 'q35' }),
    isDefault: false,
    deprecated: false,
    cpuMax: 1,
  }));
  const parsed = parseVersion(version);
  const probe = {
    ...{ version: parsed, arch, package: '', machineTypes: types, devices, accelerators },
    ...{ migrationCapabilities: [], migrationParameters: [], compatProperties: undefined },
  };
  return { name, version: parsed, arch, package: '', sha256: '', binary: 'qemu', command: ['qemu'], env: {}, probe };
}

export function imaginedFinding(given: Partial<Finding> = {}): Finding {
  const summary = 'Slot Status of port0 (00:12.0): PDS is 0 in the stream and 1 on the destination';
  return { kind: 'config-mismatch', side: 'destination', summary, fields: { offset: 0x6e }, ...given };
}

/** A migration that completed, with whatever else is given. */
export function imaginedOutcome(given: Partial<Outcome> = {}): Outcome {
  const side = { migrationStatus: 'completed', runState: 'paused', errorLines: [] };
  return {
    ...{ class: 'completed', from: 'a', to: 'b', source: side, destination: side },
    ...{ findings: [], differences: [], configSpace: { before: new Map(), after: new Map() } },
    ...given,
  };
}
