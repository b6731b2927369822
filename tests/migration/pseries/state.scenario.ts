import { expect, scenario } from 'godwit';
import { allButProcessor, machineCheckEnable, refusedBackwards, virtioOf } from './known-issues.js';

const clean = 'completed with clean logs, and the same machine as before';

scenario('pseries: configuration space and state, behind a bridge too', {
  machines: ['pseries-5.2', 'pseries-7.2', 'pseries-10.0'],
  devices: [
    ...[
      '-device',
      'virtio-net-pci,id=net0,romfile=',
      '-device',
      'e1000,id=net1,romfile=',
      '-device',
      'ich9-ahci,id=disks0',
    ],
    ...['-device', 'pci-bridge,id=bridge0,chassis_nr=1', '-device', 'e1000e,id=net2,romfile=,bus=bridge0,addr=3'],
  ],
  oracle: allButProcessor,
  known: [...refusedBackwards, virtioOf()],
  async body({ migrate }) {
    expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});

scenario('pseries: registers of the processor', {
  guest: 'rtas',
  machines: ['pseries-5.2', 'pseries-7.2', 'pseries-10.0'],
  devices: '-device e1000,romfile=',
  oracle: ['cpu'],
  known: [...refusedBackwards, machineCheckEnable],
  async body({ guest, migrate }) {
    expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    expect(await guest.rtas('ibm,change-msi', [], 1), 'a call without arguments').to.deep.equal([-3]);
  },
});
