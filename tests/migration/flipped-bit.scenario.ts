import { expect, scenario, type StreamEdit } from 'godwit';

const port = '0000:00:12.0/pcie-root-port';
const network = '0000:00:05.0/e1000e';

interface Flip {
  edit: StreamEdit;
  /** What has to tell of it, and how: the destination by refusing the stream, or a look at the guest's machine afterwards. */
  refused?: Record<string, string | number>;
  seen?: RegExp;
}

/** One bit of a stream each, or one section, and what must notice. */
const flips: Readonly<Record<string, Flip>> = {
  'Slot Status': {
    edit: { change: port, field: 'config', byte: 0x6e, xor: 0x20 },
    refused: { offset: 0x6e, register: 'Slot Status', bits: 'MRLSS' },
  },
  'Device ID': {
    edit: { change: network, field: 'config', byte: 0x02, xor: 0x01 },
    refused: { offset: 0x02, register: 'Device ID' },
  },
  'Interrupt Line': {
    edit: { change: network, field: 'config', byte: 0x3c, xor: 0x04 },
    seen: /^Interrupt Line of nic0 \(00:05\.0\)/,
  },
  'MSI-X Message Data': {
    edit: { change: network, field: 'msix/vector[2]/Message Data', xor: 0x01 },
    seen: /MSI-X.*entry 2 of nic0 \(00:05\.0\)/,
  },
  'a redirection entry of the I/O APIC': {
    edit: { change: 'ioapic', field: 'ioredtbl[4]', byte: 7, xor: 0x01 },
    seen: /[Rr]edirection.*4.*I\/O APIC/,
  },
  'the network card left out': { edit: { drop: network }, seen: /nic0/ },
};

scenario('a stream that is spoilt on its way', {
  machines: ['pc-q35-6.0', 'pc-q35-7.2'],
  options: { at: Object.keys(flips) },
  devices: '-device pcie-root-port,id=port18,chassis=1,addr=0x12 -device e1000e,id=nic0,romfile=,addr=0x5',
  // By its name: the table of a device that has not enabled MSI-X is looked at on request only.
  oracle: ['device-registers', 'msi-x', 'chipset', 'interrupt-controllers', 'cpu', 'memory'],
  async body({ options, migrate }) {
    const { edit, refused, seen } = flipAt(options['at']);
    const outcome = await migrate({ relay: { edits: [edit] } });
    if (refused) expect(outcome).to.have.failedOn('destination').with.finding('config-mismatch', refused);
    if (!seen) return;
    expect(outcome).to.not.be.completed;
    expect(outcome).to.have.cleanLogs.and.log(seen);
  },
});

function flipAt(name: string | undefined): Flip {
  const flip = flips[name ?? ''];
  if (!flip) throw new Error(`no flip is called '${name}'`);
  return flip;
}
