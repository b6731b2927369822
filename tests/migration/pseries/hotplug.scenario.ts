import { expect, scenario, type StreamEdit } from 'godwit';
import { plugTravelUnplug, travelPlugUnplug, unplugTravel } from '../hotplugs.js';
import {
  addedNever,
  allButProcessor,
  deletedLate,
  nodeBeginsAnew,
  refusedBackwards,
  travelling,
  virtioOf,
  xhciKeptOn,
} from './known-issues.js';
import { deviceOf, emptySlot, everyDeviceSomewhere, filledSlot } from './slots.js';

const machines = ['pseries-5.2', 'pseries-7.2', 'pseries-10.0', 'pseries-11.1'];

scenario('pseries: hotplug before migration, unplug after it', {
  ...everyDeviceSomewhere,
  machines,
  devices: emptySlot,
  hotplugs: true,
  oracle: allButProcessor,
  known: [xhciKeptOn('destination'), ...travelling],
  body: (journey) => plugTravelUnplug(journey, deviceOf(journey.options)),
});

scenario('pseries: unplug before migration', {
  ...everyDeviceSomewhere,
  machines,
  devices: filledSlot,
  hotplugs: true,
  oracle: allButProcessor,
  known: [xhciKeptOn('source'), ...refusedBackwards],
  body: unplugTravel,
});

scenario('pseries: hotplug on the destination after migration', {
  ...everyDeviceSomewhere,
  machines,
  devices: emptySlot,
  oracle: allButProcessor,
  known: [xhciKeptOn('destination'), ...refusedBackwards],
  body: (journey) => travelPlugUnplug(journey, deviceOf(journey.options)),
});

/** How far the guest is with a device that was plugged in when it leaves. */
const onTheWayIn = ['not told', 'told', 'unisolated', 'node begun', 'configured'] as const;

scenario('pseries: migration in the midst of a hotplug', {
  machines,
  options: { device: ['e1000e'], behind: ['root bus', 'pci-bridge'], guest: onTheWayIn },
  devices: emptySlot,
  hotplugs: true,
  oracle: allButProcessor,
  known: [nodeBeginsAnew, ...refusedBackwards],
  async body(journey) {
    const id = await journey.guest.insert(deviceOf(journey.options));
    const isPast = (moment: (typeof onTheWayIn)[number]): boolean =>
      onTheWayIn.findIndex((one) => one === journey.options['guest']) >= onTheWayIn.indexOf(moment);
    const here = await journey.guest.connector(id);
    if (isPast('told')) await here.takeRequest('add');
    if (isPast('unisolated')) await here.unisolate();
    const begun = isPast('node begun') ? await here.askForNode(isPast('configured') ? Infinity : 3) : [];

    expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const there = await journey.guest.connector(id);
    expect(await there.entitySense(), 'dr-entity-sense on the destination').to.equal('present');
    if (!isPast('unisolated')) {
      const answer = await there.askForNode(1).catch(String);
      expect(answer, 'ibm,configure-connector of an isolated connector').to.match(/answered -9003/);
    }
    if (!isPast('told')) await journey.guest.acceptPlug(id);
    else {
      if (!isPast('unisolated')) await there.unisolate();
      if (!isPast('configured')) await there.configure(begun);
    }
    await journey.guest.unplug(id);
  },
});

scenario('pseries: migration in the midst of an unplug', {
  machines,
  options: {
    device: ['e1000e'],
    behind: ['root bus', 'pci-bridge'],
    guest: ['not told', 'told'],
    then: ['lets it go', 'is reset'],
  },
  devices: filledSlot,
  oracle: allButProcessor,
  known: refusedBackwards,
  async body(journey) {
    const id = 'device0';
    const isTold = journey.options['guest'] === 'told';
    const here = await journey.guest.connector(id);
    await journey.machine.qmp.execute('device_del', { id });
    if (isTold) await here.takeRequest('remove');

    expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const { guest } = journey;
    const there = await guest.connector(id);
    expect(await there.entitySense(), 'dr-entity-sense on the destination').to.equal('present');
    if (journey.options['then'] === 'is reset') await guest.releaseDevice(id, () => guest.reset());
    else await guest.releaseDevice(id, isTold ? () => there.isolate() : undefined);
    expect(await there.entitySense(), 'dr-entity-sense of what was let go').to.equal('empty');
  },
});

const address = '00:05.0';

scenario('pseries: hotplug by a guest that runs, with interrupts of the card', {
  guest: 'rtas',
  machines,
  devices: '-netdev hubport,id=backend0,hubid=0',
  hotplugs: true,
  oracle: allButProcessor,
  known: [addedNever, ...refusedBackwards, virtioOf()],
  async body(journey) {
    const { guest } = journey;
    const id = 'device0';
    await guest.hotplug(`virtio-net-pci,romfile=,id=${id},netdev=backend0,bus=pci.0,addr=0x5`);
    const granted = await guest.changeMsi(address, { function: 1, count: 3 });
    expect(granted, 'MSI-X granted').to.deep.equal({ status: 0, count: 3, sequence: 2, type: 2 });
    const { source } = await guest.interruptSource(address, 0);

    expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    expect((await guest.interruptSource(address, 0)).source, 'interrupt on the destination').to.equal(source);
    expect((await guest.changeMsi(address, { function: 1, count: 0 })).status, 'interrupts given back').to.equal(0);
    const connector = await guest.connector(id);
    await journey.machine.qmp.execute('device_del', { id });
    await connector.releaseDevice();
    expect((await guest.interruptSource(address, 0)).status, 'interrupt of a device that is gone').to.equal(-3);
  },
});

scenario('pseries: unplug by a guest that runs', {
  guest: 'rtas',
  machines: 'pseries-5.2',
  pairs: 'same',
  devices: `-device e1000e,romfile=,id=device0,bus=pci.0,addr=0x5`,
  oracle: allButProcessor,
  known: [deletedLate],
  async body({ guest, migrate }) {
    expect(await migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await guest.unplug('device0');
  },
});

/** What the sides are to agree on lies in one section of the stream: without it, each of these scenarios sees another guest. */
const lost = { machines: ['pseries-5.2', 'pseries-7.2'], options: { connector: ['lost', 'sent'] } };
const card = 'e1000e,romfile=,id=device0,bus=pci.0,addr=0x5';

scenario('pseries: a hotplug whose connector is lost on its way', {
  ...lost,
  hotplugs: true,
  oracle: allButProcessor,
  known: refusedBackwards,
  async body(journey) {
    const isLost = journey.options['connector'] === 'lost';
    const id = await journey.guest.insert(card);
    const { index } = await journey.guest.connector(id);
    const outcome = await journey.migrate({
      relay: isLost ? { edits: [{ drop: `spapr_drc ${index}` }] } : { tee: true },
    });
    expect(outcome).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const there = await journey.guest.connector(id);
    const answer = await there.askForNode(1).then(() => 'told of its node', String);
    expect(answer, 'ibm,configure-connector').to.match(isLost ? /^told of its node$/ : /answered -9003/);
  },
});

scenario('pseries: an unplug whose request is lost on its way', {
  ...lost,
  devices: ['-device', card],
  oracle: allButProcessor,
  known: refusedBackwards,
  async body(journey) {
    const isLost = journey.options['connector'] === 'lost';
    const id = 'device0';
    const { index } = await journey.guest.connector(id);
    await journey.machine.qmp.execute('device_del', { id });
    const edit: StreamEdit = { change: `spapr_drc ${index}`, field: 'unplug_requested', xor: 1 };
    const outcome = await journey.migrate({ relay: isLost ? { edits: [edit] } : { tee: true } });
    expect(outcome).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    const there = await journey.guest.connector(id);
    await there.takeRequest('remove');
    await there.isolate();
    expect(await there.entitySense(), 'dr-entity-sense of what was let go').to.equal(isLost ? 'present' : 'empty');
  },
});
