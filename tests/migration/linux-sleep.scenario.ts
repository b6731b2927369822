import { expect, scenario } from 'godwit';
import { suspendedGuestNeverRuns, suspendedGuestWakes, tcgDirtyBitmap, virtioQueueSize } from './known-issues.js';
import { linuxDisks, linuxMachine } from './linux-machine.js';

const clean = 'completed with clean logs, and the same machine as before';
const machine = { guest: 'linux', devices: linuxMachine, disks: linuxDisks } as const;
/** Milliseconds that a guest has to answer when it was woken; it takes a few hundred. */
const wakingMs = 10_000;

scenario('Linux: migrated while suspended to RAM, woken on the destination', {
  ...machine,
  machines: ['pc-q35-5.2', 'pc-q35-7.2'],
  known: [suspendedGuestWakes, suspendedGuestNeverRuns, virtioQueueSize()],
  async body({ guest, migrate }) {
    // It gives signs of life until it sleeps, so that nobody may wait for the next one before it is woken.
    await guest.startTicking();
    await guest.suspend();
    const outcome = await migrate();
    expect(outcome, clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    expect(outcome.guestDowntimeMs, 'no outage of a guest that sleeps').to.equal(undefined);
    // QEMU wakes nobody who does not sleep.
    await guest.wake(guest.deadline.within(wakingMs));
    await guest.ping('net0');
  },
});

scenario('Linux: suspended to RAM and woken after migration', {
  ...machine,
  machines: ['pc-q35-5.2', 'pc-q35-7.2'],
  known: [tcgDirtyBitmap, virtioQueueSize()],
  async body({ guest, migrate }) {
    expect(await migrate(), clean).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await guest.suspend();
    await guest.wake(guest.deadline.within(wakingMs));
    await guest.ping('net0');
  },
});
