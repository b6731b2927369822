import { becomeMochaTests } from './run/mocha.js';

export { topology, topologyNames } from './machine/topology.js';
export type { Machine } from './machine/machine.js';
export type { LinuxGuest } from './guest/linux/linux-guest.js';
export type { PayloadGuest } from './guest/payload/payload-guest.js';
export type { RtasGuest } from './guest/rtas/rtas-guest.js';
export type { ScriptedGuest } from './guest/scripted.js';
export type { SlofGuest } from './guest/slof/slof-guest.js';
export { describeOutcome, type Outcome } from './migration/outcome.js';
export type { MigrationPlan } from './migration/plan.js';
export type { RelayPlan } from './migration/relay/plan.js';
export type { CellShape, CommandWords, Journey, Options, ScenarioDefinition } from './scenario/definition.js';
export { expect } from './scenario/expectations.js';
export type { KnownIssue } from './scenario/known-issue.js';
export { scenario } from './scenario/registry.js';
export { type Capture, readCapture } from './stream/capture.js';
export { compareCaptures, type StreamDifference } from './stream/compare/diff.js';
export { loadOrder, orderViolations } from './stream/compare/order.js';
export { loadEvents, traceOrder, traceViolations } from './stream/compare/trace-order.js';
export type { StreamEdit } from './stream/edit/editor.js';
export { readStreamFile } from './stream/input.js';
export { commands as vfioUserCommands } from './vfio/protocol/numbers.js';
export { type Fault, refusedWrite } from './vfio/server/faults.js';
export type { ServedDevice } from './vfio/server/served-device.js';
export type { VfioUserServer } from './vfio/server/server.js';
export type { StandInDevice } from './vfio/stand-in/device.js';

// A scenario file that plain mocha runs finds mocha's globals here; `godwit run` has none.
if ('describe' in globalThis && 'it' in globalThis) await becomeMochaTests(process.env);
