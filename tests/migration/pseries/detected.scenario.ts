import { expect, scenario, type StreamEdit } from 'godwit';
import { allButProcessor, refusedBackwards, virtioOf } from './known-issues.js';

const clean = 'completed with clean logs, and the same machine as before';
const card = '-device virtio-net-pci,id=net0,romfile=,disable-modern=on';
/** What seed 001 shows of its destination. */
const line = /get_pci_config_device: Bad config data: i=0x6 read: 0 device: 10 cmask: 10 wmask: 0 w1cmask:\s?0$/;
const lost = { offset: 0x06, register: 'Status', bits: 'Capabilities List' };

/** The bit that the bug of seed 001 clears, in the stream. */
const cleared: StreamEdit = { change: 'pci@800000020000000:00.0/virtio-net', field: 'config', byte: 0x06, xor: 0x10 };

scenario('pseries: seed 001, a source whose card has no capability', {
  machines: ['pseries-5.2', 'pseries-7.2'],
  devices: `${card},vectors=0`,
  destination: () => ({ devices: card }),
  known: refusedBackwards,
  async body({ migrate }) {
    const outcome = await migrate();
    expect(outcome).to.have.failedOn('destination').with.finding('config-mismatch', lost);
    expect(
      outcome.destination.errorLines.some((seen) => line.test(seen)),
      'the line of the report',
    ).to.equal(true);
  },
});

scenario('pseries: seed 001, one bit of Status cleared on its way', {
  machines: ['pseries-5.2', 'pseries-7.2'],
  devices: card,
  options: { bit: ['cleared', 'as it is'] },
  oracle: allButProcessor,
  known: [...refusedBackwards, virtioOf({ bit: ['as it is'] })],
  async body({ migrate, options }) {
    const spoilt = options['bit'] === 'cleared';
    const outcome = await migrate({ relay: spoilt ? { edits: [cleared] } : { tee: true } });
    if (!spoilt) {
      expect(outcome, clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
      return;
    }
    expect(outcome).to.have.failedOn('destination').with.finding('config-mismatch', lost);
    expect(
      outcome.destination.errorLines.some((seen) => line.test(seen)),
      'the line of the report',
    ).to.equal(true);
  },
});
