import { expect, scenario } from 'godwit';
import { failoverPresence, tcgDirtyBitmap, virtioQueueSize } from './known-issues.js';
import { onLinuxMachine } from './linux-machine.js';

const card = 'romfile=,mac=52:54:00:00:00:02';
const interfaceOfPrimary = '/sys/bus/pci/devices/0000:02:00.0/net/*';

scenario('Linux: failover to the standby card while it migrates', {
  ...onLinuxMachine,
  known: [failoverPresence, tcgDirtyBitmap, virtioQueueSize()],
  async body({ guest, machine, migrate }) {
    const seen: string[] = [];
    machine.events.listen(
      ({ event, data }) => void seen.push(`${event} ${JSON.stringify(data)}`),
      () => undefined,
    );
    await guest.hotplug(`virtio-net-pci,id=standby0,netdev=hub1,bus=port0,failover=on,${card}`);
    await guest.hotplug(`vmxnet3,id=primary0,netdev=hub2,bus=port1,failover_pair_id=standby0,${card}`);
    await throughPrimary();

    // Not held: QEMU plugs the primary in as soon as the guest is there, which is a difference to the source.
    expect(await migrate({ hold: false })).to.be.completed.with.cleanLogs;
    expect(seen.join('\n'))
      .to.match(/^UNPLUG_PRIMARY .*"primary0"/m)
      .and.to.match(/^MIGRATION .*"wait-unplug"/m);
    await guest.ping('standby0');
    await throughPrimary();

    async function throughPrimary(): Promise<void> {
      await guest.until(`[ -e ${interfaceOfPrimary}/master ]`, 'a primary card');
      await guest.ping('standby0');
      await guest.until(`[ "$(cat ${interfaceOfPrimary}/operstate)" = up ]`, 'a primary card that is up');
      const sent = Number(await guest.sh(`cat ${interfaceOfPrimary}/statistics/tx_packets`));
      await guest.ping('standby0');
      const now = Number(await guest.sh(`cat ${interfaceOfPrimary}/statistics/tx_packets`));
      expect(now, 'packets that the primary sent').to.be.above(sent);
    }
  },
});
