import type { QtestClient } from '../../qtest/client.js';
import type { Reading } from './part.js';
import type { ReadableRegister, RegisterMap } from './register-map.js';

/** Where the registers of a map are. */
export interface RegisterPlace {
  space: 'ports' | 'memory';
  base: number;
}

/**
 * Reads every register of a map, each once and in its own width; what lies close together in memory comes in one block of words.
 * Registers that time changes at the moment are left out.
 */
export async function readRegisters(qtest: QtestClient, map: RegisterMap, place: RegisterPlace): Promise<Reading[]> {
  const runs = place.space === 'ports' ? map.registers.map((register) => [register]) : runsOf(map);
  const readings = (await Promise.all(runs.map((run) => readRun(qtest, run, place)))).flat();
  const { varies } = map;
  if (!varies) return readings;
  const decides = readings.find(({ offset }) => offset === varies.offset);
  const isVarying = (Number(decides?.value ?? 0) & varies.mask) !== 0;
  return isVarying ? readings.filter(({ offset }) => !varies.registers.includes(offset)) : readings;
}

type Run = readonly ReadableRegister[];

/** Words that one read can fetch, narrower registers alone: a device is asked in the width that a driver would use. */
function runsOf({ registers, span }: RegisterMap): Run[] {
  const runs: ReadableRegister[][] = [];
  for (const register of registers) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const joins = last?.width === 4 && register.width === 4 && register.offset - last.offset - 4 <= span;
    if (run && joins) run.push(register);
    else runs.push([register]);
  }
  return runs;
}

async function readRun(qtest: QtestClient, run: Run, { space, base }: RegisterPlace): Promise<Reading[]> {
  const [first] = run;
  const last = run.at(-1);
  if (!first || !last) return [];
  if (run.length === 1) {
    const { name, offset, width } = first;
    const read = space === 'ports' ? qtest.in(base + offset, width) : qtest.readMemory(base + offset, width);
    return [{ name, offset, value: await read }];
  }
  const block = await qtest.readBlock(base + first.offset, last.offset + 4 - first.offset);
  return run.map(({ name, offset }) => ({ name, offset, value: block.readUInt32LE(offset - first.offset) }));
}
