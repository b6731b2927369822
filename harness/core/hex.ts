/** A number as registers are written: 0x6e. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
