import type { StateArea } from '../../record/outcome.js';

/** One register and what was read from it. */
export interface Reading {
  name: string;
  /** In bytes, from where the registers of its part are counted; 0 where they have names alone. */
  offset: number;
  /** Text where a number does not hold it exactly. */
  value: number | string;
}

/** What one device holds of one area of the state. */
export interface StatePart {
  area: StateArea;
  /** As in RegisterDifference. */
  device: string;
  address: string;
  readings: readonly Reading[];
}
