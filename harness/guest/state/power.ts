import type { DeviceState, Reading } from './part.js';

/** Registers of 64 bits in the text of `info registers`: a name and one value, or those of it and the next three. */
const registerLine = /\b([A-Z]+\d*) +((?:[0-9a-f]{16}\b *)+)/g;
/** The condition register is the only one of 32 bits that a guest sees. */
const conditionRegister = /\bCR ([0-9a-f]{8})\b/;

/**
 * The registers of a Power CPU in the text of `info registers`. Left out: the time base and what counts with it, and what QEMU keeps for itself
 * (HF, iidx, didx, RES). Source: QEMU target/ppc/cpu_init.c, ppc_cpu_dump_state().
 */
export function powerRegisters(text: string): Reading[] {
  const readings: Reading[] = [];
  for (const [, name = '', words = ''] of text.matchAll(registerLine)) {
    if (name === 'RES') continue;
    const values = words.trim().split(/ +/);
    const [, prefix = '', number = ''] = /^([A-Z]+)(\d*)$/.exec(name) ?? [];
    values.forEach((value, index) => {
      const each = values.length === 1 ? name : `${prefix}${String(Number(number) + index).padStart(2, '0')}`;
      readings.push({ name: each, offset: 0, value: shortened(value) });
    });
  }
  const condition = conditionRegister.exec(text)?.[1];
  return condition === undefined ? readings : [...readings, { name: 'CR', offset: 0, value: shortened(condition) }];
}

/**
 * XICS in the text of `info pic`: what each CPU presents, and every source that is in use. Addresses of QEMU's own are left out. Where the guest has
 * chosen XIVE, there is no XICS and nothing to tell. Source: QEMU hw/intc/xics.c, icp_pic_print_info() and ics_pic_print_info().
 */
export function xicsStates(text: string): DeviceState[] {
  const states: DeviceState[] = [];
  const add = (device: string, readings: Reading[]): void => {
    states.push({ area: 'interrupt-controllers', device, address: '', readings });
  };
  const sources: Reading[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, cpu, pending = ''] = /^CPU (\d+) (XIRR=.*)$/.exec(line) ?? [];
    if (cpu !== undefined) {
      const pairs = Array.from(pending.matchAll(/(\w+)=(\w+)/g), ([, name = '', value = '']) => ({ name, value }));
      add(
        `XICS presenter of CPU ${cpu}`,
        pairs.map((pair) => ({ ...pair, offset: 0 })),
      );
    }
    const [, source, value = ''] = /^ {2}([0-9a-f]{4}) (\w+ .*?) *$/.exec(line) ?? [];
    if (source !== undefined) sources.push({ name: `Source 0x${source}`, offset: 0, value });
  }
  if (sources.length > 0) add('XICS', sources);
  return states;
}

function shortened(word: string): string {
  return word.replace(/^0+(?=.)/, '');
}
