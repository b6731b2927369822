import { expect } from 'chai';
import { traceOrder, traceViolations, unfinishedLoads } from '../../../../harness/stream/compare/trace-order.js';

const host = '(76666900-0000-4000-8000-000000000001)';
const section = (id: number, name: string): string => `qemu_loadvm_state_section_startfull ${id}(${name}) 0 1`;
const tag = (number: number): string => `vfio_load_state  ${host} data 0xffffffffef10000${number}`;

/** As 5.2.0 traced it: the configuration is in the section of the data. */
const inOneSection = [
  section(2, 'ram'),
  section(38, '0000:00:04.0/vfio'),
  ...[3, 4, 2].map(tag),
  `vfio_msix_enable  ${host}`,
  `vfio_load_device_config_state  ${host}`,
  tag(4),
  `vfio_load_state_device_data  ${host} Offset 0x1000 size 0x1000`,
  section(7, 'apic'),
];

/** As 10.0.13 traced it with multifd: another thread loads the device, while the main one loads what the main channel brings. */
const inAThread = [
  section(1, 'ram'),
  section(17, '0000:00:04.0/vfio'),
  tag(3),
  `vfio_load_bufs_thread_start  ${host}`,
  section(12, '0000:00:05.0/pcie-root-port'),
  `vfio_load_state_device_buffer_load_start  ${host} idx 0`,
  `vfio_load_device_config_state_start  ${host}`,
  `vfio_load_device_config_state_end  ${host}`,
  `vfio_load_bufs_thread_end  ${host}`,
  section(7, 'arm_gicv3'),
];

/**
 * 1. Both ways in which a VFIO device is loaded are told in the words of a stream's marks, under the name of its section.
 * 2. What comes before the interrupt controller breaks the rule, and what comes behind it does not.
 * 3. A thread that has not come to its end is told, with the last that was heard of it.
 */
describe('the load order of a trace', () => {
  const names = (lines: string[]): string[] => traceOrder(lines).map(({ name }) => name);
  const early = (lines: string[]): string[] =>
    traceViolations(lines).map((found) => `${found.early.name} before ${found.late.name}`);

  it('is told of a device in one section', () => {
    const device = ['config-state', 'MSI-X', 'data-state'].map((step) => `0000:00:04.0/vfio ${step}`);
    expect(names(inOneSection)).to.deep.equal(['ram', ...device, 'apic']);
    expect(early(inOneSection)).to.deep.equal([
      '0000:00:04.0/vfio config-state before apic',
      '0000:00:04.0/vfio MSI-X before apic',
    ]);
  });

  it('is told of a device that a thread loads', () => {
    const device = ['data-state', 'config-state'].map((step) => `0000:00:04.0/vfio ${step}`);
    expect(names(inAThread)).to.deep.equal(['ram', '0000:00:05.0/pcie-root-port', ...device, 'arm_gicv3']);
    expect(early(inAThread)).to.deep.equal([
      '0000:00:05.0/pcie-root-port before arm_gicv3',
      '0000:00:04.0/vfio config-state before arm_gicv3',
    ]);
  });

  it('is in order where the interrupt controller comes first', () => {
    const controller = section(7, 'apic');
    const rest = inOneSection.filter((line) => line !== controller);
    expect(early([controller, ...rest])).to.deep.equal([]);
  });

  it('tells of a thread that has not come to its end', () => {
    expect(unfinishedLoads(inAThread)).to.deep.equal([]);
    const stopped = inAThread.slice(0, 6);
    const unfinished = [{ host: host.slice(1, -1), last: stopped.at(-1) }];
    expect(unfinishedLoads(stopped)).to.deep.equal(unfinished);
    expect(unfinishedLoads([...stopped, tag(6)])).to.deep.equal(unfinished);
  });
});
