import { UsageError } from '../core/errors.js';

/** Where a PCI function sits, in the numbers that the guest gave the buses. */
export interface PciAddress {
  bus: number;
  device: number;
  function: number;
}

/** "00:12.0", as guests and lspci write it. */
export function formatAddress(address: PciAddress): string {
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  return `${hex(address.bus)}:${hex(address.device)}.${address.function}`;
}

/** Device and function in one byte, as configuration mechanisms number them. */
export function devfn(address: PciAddress): number {
  return (address.device << 3) | address.function;
}

/** Reads "00:12.0"; throws UsageError for anything else. */
export function parseAddress(text: string): PciAddress {
  const match = /^([0-9a-f]{2}):([01][0-9a-f])\.([0-7])$/i.exec(text);
  if (!match) throw new UsageError(`'${text}' is no PCI address; accepted: bus:device.function as in 00:12.0`);
  return { bus: parseInt(match[1] ?? '', 16), device: parseInt(match[2] ?? '', 16), function: Number(match[3]) };
}
