import type { Build } from '../../build/build.js';
import { UsageError } from '../../core/errors.js';
import { planCells, type Selection } from '../../run/plan.js';
import type { Scenario } from '../../scenario/definition.js';
import type { PlannedCell } from '../../record/events.js';
import type { Candidate } from '../inquiry.js';
import type { Unusable } from './examination.js';

/** Which sides of a cell's route a search changes. */
export const variedSides = ['both', 'source', 'destination'] as const;

export type VariedSide = (typeof variedSides)[number];

/** What a search plays on a build: all cells of these scenarios that are chosen, with the build on the varied sides of the route. */
export interface Playing {
  scenarios: readonly Scenario[];
  vary: VariedSide;
  /** The build on the other side; absent where both sides vary. */
  held?: Build;
  chosen: Pick<Selection, 'machines' | 'grep'>;
}

/** The cells of a build. Throws UsageError, as every plan does, for what names no cell of it. */
export function cellsOn(build: Build, { scenarios, vary, held = build, chosen }: Playing): PlannedCell[] {
  const sources = vary === 'destination' ? [held] : [build];
  const destinations = vary === 'source' ? [held] : [build];
  return planCells(scenarios, { ...chosen, sources, destinations, pairs: 'all' });
}

/** A build as a candidate; why it cannot be one where no cell can be planned on it, as for a machine type that it lacks. */
export function candidateOn(build: Build, playing: Playing): Candidate | Unusable {
  try {
    const { held } = playing;
    return { name: build.name, builds: held ? [held, build] : [build], cells: cellsOn(build, playing) };
  } catch (thrown) {
    if (thrown instanceof UsageError) return { reason: thrown.message };
    throw thrown;
  }
}
