import { closeSync, openSync, readSync } from 'node:fs';
import { expect } from 'chai';
import { GuestError } from '../../../../harness/core/errors.js';
import type { PayloadGuest } from '../../../../harness/guest/payload/payload-guest.js';
import { checksumOf } from '../../../../harness/guest/payload/protocol.js';
import { locateRam } from '../../../../harness/guest/state/memory.js';
import type { Machine } from '../../../../harness/machine/machine.js';
import type { PciAccess } from '../../../../harness/pci/access.js';
import { enumerate, type PciFunction } from '../../../../harness/pci/enumerate.js';
import { failure } from '../../support/failure.js';
import { type Launchpad, type LaunchWish, pidOf } from '../../support/launchpad.js';
import { launchPayload, move, startPayload } from './stage.js';

export const mebibyte = 2 ** 20;

async function memoryOf(machine: Machine, address: number, bytes: number): Promise<Buffer> {
  const { base, host } = await locateRam(machine);
  const block = Buffer.alloc(bytes);
  const file = openSync(`/proc/${pidOf(machine)}/mem`, 'r');
  readSync(file, block, 0, bytes, (host?.at ?? NaN) + address - base);
  closeSync(file);
  return block;
}

/** Of a guest that has just started on 16 MiB from `ram` on: it walks nothing yet, and reads and writes memory as it is. */
export async function provesMemory(guest: PayloadGuest, ram: number): Promise<void> {
  expect(guest.range).to.deep.equal({ first: ram + mebibyte, bytes: 15 * mebibyte });
  expect([await guest.rounds(), await guest.position()]).to.deep.equal([0, ram + mebibyte]);

  const at = ram + 0x200101;
  for (const [width, value] of [
    [1, 0xf1n],
    [2, 0xf1f2n],
    [4, 0xf1f2_f3f4n],
    [8, 0xf1f2_f3f4_f5f6_f7f8n],
  ] as const) {
    await guest.writeMemory(at, 8, 0n);
    await guest.writeMemory(at, width, value);
    expect(await guest.readMemory(at, width)).to.equal(value);
    expect(await guest.readMemory(at, 8)).to.equal(value);
  }
  const block = await memoryOf(guest.machine, ram + 0x200000, 0x2000);
  expect(await guest.checksum(ram + 0x200000, 0x2000))
    .to.equal(checksumOf(block))
    .and.not.equal(0n);
  expect(await guest.checksum(ram + 0x200000, 0)).to.equal(0n);
}

/** The guest finds the PCI functions that somebody else finds, and an Intel card on bus 1; its machine is stopped then. */
export async function provesConfigSpace(guest: PayloadGuest, access: PciAccess): Promise<void> {
  const functions = await enumerate(guest.access);
  await guest.machine.qmp.execute('stop');
  // The second one finds the bus numbers of the first.
  const found = (all: readonly PciFunction[]) =>
    all.map(({ address, bridge, deviceId }) => ({ address, bridge, deviceId }));
  expect(found(functions)).to.deep.equal(found(await enumerate(access)));
  expect(functions.some(({ address, vendorId }) => address.bus === 1 && vendorId === 0x8086)).to.equal(true);
}

/** Wherever the guest's machine is stopped, its memory is what the law says; the guest has paused then. */
export async function provesLaw(guest: PayloadGuest): Promise<void> {
  await guest.checkMemory();
  await guest.resume();
  const seen = new Set<string>();
  for (let stop = 0; stop < 10 || (await guest.rounds()) < 2; stop += 1) {
    await guest.checkMemory();
    seen.add(`${await guest.rounds()} ${await guest.position()}`);
  }
  expect(seen.size).to.be.above(5);
  expect(await guest.pause()).to.equal(await guest.rounds());
  await guest.checkMemory();
}

/** A range begins with zeroes in its first round. */
export async function provesRange(guest: PayloadGuest, first: number): Promise<void> {
  await guest.setRange(first, 8192);
  expect([await guest.rounds(), await guest.position()]).to.deep.equal([0, first]);
  expect(await guest.checksum(first, 8192)).to.equal(0n);
}

/**
 * A guest that goes from machine to machine has the memory that it had, and goes on; two bytes that somebody else changes there are found.
 * @param journey its RAM begins at `ram`; `pauses` where it must not walk while it migrates.
 */
export async function provesJourney(
  pad: Launchpad,
  wish: LaunchWish,
  { ram, pauses = false }: { ram: number; pauses?: boolean },
): Promise<void> {
  const guest = await startPayload(pad, { ...wish, label: 'source' });
  const source = guest.machine;
  const destination = await launchPayload(pad, { ...wish, label: 'destination', incoming: true });
  await guest.resume();
  if (pauses) await guest.pause();
  await move(source, destination);
  await guest.arrive(destination);
  await guest.checkMemory(source);
  await guest.checkMemory();
  await source.kill();
  await destination.qmp.execute('cont');
  if (pauses) await guest.resume();
  const { rounds, position } = { rounds: await guest.rounds(), position: await guest.position() };
  await guest.checkMemory();
  expect([await guest.rounds(), await guest.position()]).to.not.deep.equal([rounds, position]);
  expect(await guest.pause()).to.be.at.least(rounds);

  for (const changed of [0x3456c3, 0x812345]) await destination.qtest.writeMemory(ram + changed, 1, 0xee);
  const { message, data } = await failure(guest.checkMemory(), GuestError);
  const at = (offset: number): string => `0x${(ram + offset).toString(16)}`;
  const page = ((ram + 0x345000) / 4096).toString(16).padStart(8, '0');
  expect(message).to.match(
    new RegExp(
      `^the memory of the destination QEMU is not what the guest wrote: page ${at(0x345000)} is wrong at ${at(0x3456c3)}, ` +
        `in a quadword that holds 0x${page}ee[0-9a-f]{6}; the walk .*; page ${at(0x812000)} is wrong at ${at(0x812345)},`,
    ),
  );
  expect(data).to.deep.include({ label: 'destination', count: 2 });
}
