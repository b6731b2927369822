import { expect, scenario } from 'godwit';
import { slirpInstances } from './known-issues.js';

scenario('two user networks', {
  machines: 'pc-q35-*',
  devices: `
    -netdev user,id=user0,restrict=on
    -netdev user,id=user1,restrict=on
    -device e1000e,netdev=user0,romfile=
    -device e1000e,netdev=user1,romfile=
  `,
  known: [slirpInstances],
  async body({ migrate }) {
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});
