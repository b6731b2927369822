import type { KnownIssue } from 'godwit';

/** The models of the catalogue: 32 bits, the usual ones of 64, and everything that a build knows. */
export const cpuModels = ['cortex-a15', 'cortex-a53', 'cortex-a57', 'cortex-a72', 'max'];
const newModels = cpuModels.filter((cpu) => cpu !== 'cortex-a15');
const exceptMax = cpuModels.filter((cpu) => cpu !== 'max');

const machineTypes = ['virt'];
const source = 'target/arm/machine.c, cpu_post_load() and vmstate_arm_cpu';

/**
 * Under TCG an arm64 CPU is sent with a list of all its system registers, and every version of QEMU makes another list of the same model. Nothing
 * of a machine type keeps the old one. Found by trying 5.2.0, 7.2.22, 10.0.13 and 11.1.3 with every model and both GICs; cortex-a15 from 10.0 to 11.1
 * is the only way to another version that there is.
 *
 * To a newer one: some register is not known there any more, or counts as another. Up to 10.0 QEMU does not say which, and what cpu_post_load() then
 * returns (-1, EPERM) is all that tells it from what else may be wrong with a CPU (EINVAL).
 */
const unknownRegister: readonly KnownIssue[] = [
  ['<7', '>=7 <11'],
  ['>=7 <10', '>=10 <11'],
].map(([from = '', to = '']) => ({
  name: 'arm64-cpu-registers-unknown',
  ...{ source, machineTypes },
  builds: { source: from, destination: to },
  side: 'destination',
  evidence: /load of migration failed: Operation not permitted$/,
}));

/** From 11 on it names the first ones. */
const namedRegister: readonly KnownIssue[] = [
  { from: '<10', cpu: cpuModels },
  { from: '>=10 <11', cpu: newModels },
].map(({ from, cpu }) => ({
  name: 'arm64-cpu-registers-unknown',
  ...{ source, machineTypes },
  builds: { source: from, destination: '>=11' },
  options: { cpu },
  side: 'destination',
  evidence: /system register 0x[\da-f]+ in the incoming stream but unknown on the destination: fail migration/,
}));

/** To an older one: the list is longer than the destination's own, which is as much as it takes. */
const tooManyRegisters: readonly KnownIssue[] = [
  { from: '>=7', to: '<7', cpu: cpuModels },
  { from: '>=10', to: '>=7 <10', cpu: cpuModels },
  { from: '>=11', to: '>=10 <11', cpu: ['max'] },
].map(({ from, to, cpu }) => ({
  name: 'arm64-cpu-registers-too-many',
  ...{ source, machineTypes },
  builds: { source: from, destination: to },
  options: { cpu },
  side: 'destination',
  evidence: /Invalid value \d+ expecting positive value <= \d+/,
}));

/** The GICv3 comes before the CPU, and one of `max` has a part of its own from 10.0 on, for interrupts that cannot be masked. */
const gicOfMax: KnownIssue = {
  name: 'arm64-gicv3-of-max',
  source: 'hw/intc/arm_gicv3_common.c, vmstate_gicv3_cpu',
  machineTypes,
  builds: { source: '>=10', destination: '<10' },
  options: { cpu: ['max'], gic: ['3'] },
  side: 'destination',
  evidence: /Failed to load arm_gicv3:cpu/,
};

/** 11.1 sends the timer of FEAT_WFxT with CPUs that do not have it, and 10.0, which has made no timer for them, aborts (`cpu/wfxt-timer` in its trace). */
const timerOfWfxt: KnownIssue = {
  name: 'arm64-cpu-wfxt-timer',
  source: 'target/arm/machine.c, vmstate_wfxt_timer',
  machineTypes,
  builds: { source: '>=11', destination: '>=10 <11' },
  options: { cpu: exceptMax },
  side: 'destination',
  evidence: /vmstate_load_state.*first_elem \|\| !n_elems \|\| !size/,
};

/** Why a CPU of arm64 cannot go from one version of QEMU to another, in QEMU's own words. */
export const cpuKnownIssues: readonly KnownIssue[] = [
  ...unknownRegister,
  ...namedRegister,
  ...tooManyRegisters,
  gicOfMax,
  timerOfWfxt,
];
