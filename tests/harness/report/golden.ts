import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

/** Compares with tests/harness/report/golden/NAME; GODWIT_UPDATE_GOLDEN=1 writes the file anew, for a person to look at the difference. */
export function expectGolden(name: string, text: string): void {
  const file = fileURLToPath(new URL(`golden/${name}`, import.meta.url));
  if (process.env['GODWIT_UPDATE_GOLDEN']) writeFileSync(file, text);
  expect(text).to.equal(readFileSync(file, 'utf8'));
}
