import { expect } from 'chai';
import fc from 'fast-check';
import { literal, templateLiteral } from '../../../../harness/bisect/minimise/literal.js';
import type { Minimal } from '../../../../harness/bisect/minimise/minimise.js';
import { scenarioText } from '../../../../harness/bisect/minimise/scenario-file.js';
import type { GuestAction } from '../../../../harness/record/events.js';
import type { Scenario } from '../../../../harness/scenario/definition.js';

function minimal(scenario: Partial<Scenario>, rest: Partial<Minimal>): Minimal {
  const cell = {
    id: 'slot [a → b,\npc-q35-6.0]',
    scenario: "a guest's slot",
    file: 'a',
    route: ['a', 'b'],
    options: {},
  };
  const none = { devices: 0, others: 0, properties: 0, actions: 0 };
  return {
    scenario: { title: "a guest's slot", file: 'a', machines: '*', body: () => Promise.resolve(), ...scenario },
    cell: { ...cell, machineType: 'pc-q35-6.0' },
    shape: { machineType: 'pc-q35-6.0', options: {}, route: [] },
    ...{ words: [], actions: [], usualMemory: false, signature: 'load-failure · PDS', asked: 1 },
    certainty: { passes: 1, failed: 5, played: 5, rate: 1, confidence: 0.99, told: false },
    ...{ result: undefined as never, before: none, after: none, ...rest },
  };
}

const migrate: GuestAction = { on: '', method: 'migrate', args: [] };

/**
 * 1. A file is as somebody would write it: devices one to a line, actions as statements, what they give as constants where it is used.
 * 2. What a scenario says beside its devices is kept: guest, disks in use, memory, the destination's own words.
 * 3. After a migration the guest is asked for anew.
 * 4. Any value is told by its literal, any line by its template.
 */
describe('a scenario file of what is left', () => {
  it('is as somebody would write it', () => {
    const actions: GuestAction[] = [
      { on: 'guest', method: 'slot', args: ['port0'], gives: 'slot1' },
      { on: 'slot1', method: 'powerOff', args: [] },
      { on: 'guest', method: 'slot', args: ['port1'], gives: 'slot2' },
      { on: 'machine.qmp', method: 'execute', args: ['query-pci', { 'a-b': [1, null], c: "d'e" }] },
      { ...migrate, args: [{ capabilities: { multifd: true } }] },
    ];
    const words = ['-device', 'pcie-root-port,id=port0', '-snapshot', '-device', '{"driver":"a`${b}"}'];
    const { title, text } = scenarioText(minimal({}, { words, actions }));
    expect(title).to.equal("a guest's slot, at its smallest");
    expect(text).to.equal(`import { expect, scenario } from 'godwit';

// What is left of slot [a → b, pc-q35-6.0]
// It fails in this way: load-failure · PDS
scenario('a guest\\'s slot, at its smallest', {
  machines: 'pc-q35-6.0',
  devices: \`
    -device pcie-root-port,id=port0
    -snapshot
    -device '{"driver":"a\\\`\\\${b}"}'
  \`,
  async body({ guest, machine, migrate }) {
    const slot1 = await guest.slot('port0');
    await slot1.powerOff();
    await guest.slot('port1');
    await machine.qmp.execute('query-pci', { 'a-b': [1, null], c: 'd\\'e' });
    expect(await migrate({ capabilities: { multifd: true } })).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});
`);
  });

  it('keeps what the scenario says beside its devices, and asks anew after a migration', () => {
    const scenario: Partial<Scenario> = {
      ...{
        guest: 'payload',
        route: 'there-and-back',
        disks: { used: 8, spare: 8 },
        memoryMiB: 64,
        timeoutMs: 9,
        hotplugs: true,
      },
      ...{ oracle: false, destination: () => ({ devices: '-device other', machineType: 'pc-q35-6.1', memoryMiB: 32 }) },
    };
    const later: GuestAction = { on: 'guest', method: 'beat', args: [] };
    const rest = { words: ['-device', 'a,drive=used'], destinationWords: [], actions: [migrate, later, migrate] };
    const { text } = scenarioText(minimal(scenario, rest));
    expect(text.slice(text.indexOf('  guest:'))).to.equal(`  guest: 'payload',
  machines: 'pc-q35-6.0',
  route: 'there-and-back',
  devices: \`
    -device a,drive=used
  \`,
  destination: () => ({
    devices: '',
    machineType: 'pc-q35-6.1',
    memoryMiB: 32,
  }),
  disks: { used: 8 },
  memoryMiB: 64,
  timeoutMs: 9,
  hotplugs: true,
  oracle: false,
  async body(journey) {
    expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
    await journey.guest.beat();
    expect(await journey.migrate()).to.be.completed.with.cleanLogs.and.to.preserve.configSpace;
  },
});
`);
    expect(scenarioText(minimal(scenario, { ...rest, usualMemory: true })).text).to.not.include('  memoryMiB: 64');
  });

  it('keeps the vfio device that each side has in its own way, what is traced and the order that is looked at', () => {
    const source = { vendorSpecific: [1, 2], properties: { 'skip-vsc-check': 'on' } };
    const vfio = (): object => ({ source, destination: {} });
    const scenario = { trace: ['vfio_*'], loadOrder: true, vfio } as Partial<Scenario>;
    const { text } = scenarioText(minimal(scenario, {}));
    expect(text.slice(text.indexOf('  vfio:'))).to.equal(`  vfio: () => ({
    source: { vendorSpecific: [1, 2], properties: { 'skip-vsc-check': 'on' } },
    destination: {},
  }),
  trace: ['vfio_*'],
  loadOrder: true,
  async body() {
  },
});
`);
  });

  it('has a literal for any value, and a template for any line', () => {
    const evaluated = (text: string): unknown => (0, eval)(`(${text})`);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as unknown;
        fc.pre(!JSON.stringify(plain).includes('__proto__'));
        expect(evaluated(literal(plain))).to.deep.equal(plain);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('\\', '`', '$', '{', '}', 'a') }), (line) => {
        expect(evaluated(templateLiteral([line], ''))).to.equal(`\n  ${line}\n`);
      }),
    );
  });
});
