import { becomeMochaTests } from './run/mocha.js';

export { topology, topologyNames } from './machine/topology.js';
export type { Machine } from './machine/machine.js';
export type { ScriptedGuest } from './guest/scripted.js';
export { describeOutcome, type Outcome } from './migration/outcome.js';
export type { MigrationPlan } from './migration/plan.js';
export type { CellShape, CommandWords, Journey, Options, ScenarioDefinition } from './scenario/definition.js';
export { expect } from './scenario/expectations.js';
export type { KnownIssue } from './scenario/known-issue.js';
export { scenario } from './scenario/registry.js';

// A scenario file that plain mocha runs finds mocha's globals here; `godwit run` has none.
if ('describe' in globalThis && 'it' in globalThis) await becomeMochaTests(process.env);
