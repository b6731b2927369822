import type { QtestClient } from '../../qtest/client.js';
import type { Answer, Reading } from './part.js';
import type { ReadableRegister, RegisterMap, Run } from './register-map.js';

const suffix = { 1: 'b', 2: 'w', 4: 'l' } as const;

/**
 * Reads every register of a map, each once and in its own width; what lies close together in memory comes in one block of words.
 * Registers that time changes at the moment are left out.
 * @param base where the map starts, in ports or in memory.
 */
export async function readRegisters(qtest: QtestClient, map: RegisterMap, base: number): Promise<Answer> {
  const answers = await Promise.all(map.runs.map((run) => qtest.command(commandOf(run, map, base))));
  return { told: answers.join(' '), read: () => settledOf(map, readingsOf(map, answers)) };
}

function commandOf(run: Run, { space }: RegisterMap, base: number): string {
  const [{ offset, width }] = run;
  const at = `0x${(base + offset).toString(16)}`;
  // Not as a number: qtest would take its bytes in the order of the processor, and devices have theirs whatever that is.
  if (space === 'memory') return `b64read ${at} 0x${bytesOf(run).toString(16)}`;
  return `in${suffix[width]} ${at}`;
}

function bytesOf(run: Run): number {
  const last: ReadableRegister = run.at(-1) ?? run[0];
  return last.offset + last.width - run[0].offset;
}

function readingsOf({ runs, space }: RegisterMap, answers: readonly string[]): Reading[] {
  return runs.flatMap((run, index) => {
    const answer = answers[index] ?? '';
    const [{ name, offset: start }] = run;
    if (space === 'ports') return [{ name, offset: start, value: Number(answer) }];
    const block = Buffer.from(answer, 'base64');
    return run.map(({ name, offset, width }) => ({ name, offset, value: block.readUIntLE(offset - start, width) }));
  });
}

function settledOf({ varies }: RegisterMap, readings: Reading[]): Reading[] {
  if (!varies) return readings;
  const decides = readings.find(({ offset }) => offset === varies.offset);
  const isVarying = (Number(decides?.value ?? 0) & varies.mask) !== 0;
  return isVarying ? readings.filter(({ offset }) => !varies.registers.includes(offset)) : readings;
}
