import { expect, scenario } from 'godwit';

scenario('Linux cell of the benchmark', {
  guest: 'linux',
  machines: 'pc-q35-7.2',
  async body({ guest, migrate }) {
    expect(await migrate()).to.be.completed.with.cleanLogs;
    await guest.sh('uptime');
  },
});
