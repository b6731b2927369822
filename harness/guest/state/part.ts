import type { StateArea } from '../../record/outcome.js';

/** One register and what was read from it. */
export interface Reading {
  name: string;
  /** In bytes, from where the registers of its part are counted; 0 where they have names alone. */
  offset: number;
  /** Text where a number does not hold it exactly. */
  value: number | string;
}

/** What QEMU answered, and the registers in it. Nobody reads them where both sides gave the same answer. */
export interface Answer {
  /** Word for word; the same words, asked of the same device, are the same registers. */
  told: string;
  read: () => Reading[];
}

/** What one device holds of one area of the state. */
export interface DeviceState {
  area: StateArea;
  /** As in RegisterDifference. */
  device: string;
  address: string;
  readings: readonly Reading[];
}

/** A piece of the state that was asked for at once: that of one device, or of several that answer together. */
export interface StatePart {
  /** The same on both sides of a migration, for no other piece: "device-registers 00:05.0". */
  key: string;
  told: string;
  read: () => DeviceState[];
}

/** The answers to several questions about one device, as one. */
export function joinAnswers(answers: readonly Answer[]): Answer {
  return {
    told: answers.map(({ told }) => told).join('\n'),
    read: () => answers.flatMap((answer) => answer.read()),
  };
}

/** What one device answered, as a piece of the state. */
export function partOf(place: Omit<DeviceState, 'readings'>, { told, read }: Answer): StatePart {
  const { area, device, address } = place;
  return {
    key: `${area} ${address === '' ? device : address}`,
    told,
    read: () => [{ ...place, readings: read() }],
  };
}
