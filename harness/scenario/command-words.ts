import { splitWords } from '../machine/words.js';
import type { CellShape, ScenarioDefinition } from './definition.js';

/** The words that a scenario puts on the command lines of a cell. Throws what the scenario's own function throws, and UsageError for an open quote. */
export function commandWords(devices: ScenarioDefinition['devices'], cell: CellShape): readonly string[] {
  const given = typeof devices === 'function' ? devices(cell) : (devices ?? []);
  return typeof given === 'string' ? splitWords(given) : given;
}
