import type { KnownIssue } from 'godwit';
import { virtioQueueSize, xhciNeverDeleted, xhciStreamsOf } from '../known-issues.js';

const machineTypes = ['pseries'];

/**
 * MSR[ME] comes out inverted: cpu_post_load() inverts env->msr so that hreg_store_msr() sees every bit change, and since a guest may not
 * change ME (2024-03, "target/ppc: Prevent supervisor from modifying MSR[ME]"), the inverted one stays. Seen on 10.0.13 and 11.1.3, not on 7.2.22.
 */
export const machineCheckEnable: KnownIssue = {
  name: 'msr-machine-check-enable',
  source: 'target/ppc/machine.c, cpu_post_load(), and target/ppc/helper_regs.c, hreg_store_msr(), in 10.0.13',
  builds: { destination: '>=10.0' },
  machineTypes,
  side: 'destination',
  evidence:
    /^MSR of CPU 0 was (?:0 on the source and is 1000|8000000000000000 on the source and is 8000000000001000|3000 on the source and is 2000) on the destination$/,
};

/** DMA windows are sent with what only newer versions know: 7.2.22 to 5.2.0. */
const iommuVersion: KnownIssue = {
  name: 'spapr-iommu-version',
  source: 'hw/ppc/spapr_iommu.c, vmstate_spapr_tce_table, in 5.2.0 and in 7.2.22',
  builds: { source: '>=7.2 <10.0', destination: '<7.2' },
  machineTypes,
  side: 'destination',
  evidence: /unsupported version 3 for 'spapr_iommu' v2/,
};

/** The segment lookaside buffer, which a guest may not use at all, is sent in a layout that only newer versions know: 10.0.13 and 11.1.3 to 7.2.22 and 5.2.0. */
const slbVersion: KnownIssue = {
  name: 'cpu-slb-version',
  source: 'target/ppc/machine.c, vmstate_slb, in 7.2.22 and in 10.0.13',
  builds: { source: '>=10.0', destination: '<10.0' },
  machineTypes,
  side: 'destination',
  evidence: /cpu\/slb: incoming version_id 2 is too new for local version_id 1/,
};

/** What QEMU refuses on the way back, in its own words. */
export const refusedBackwards: readonly KnownIssue[] = [iommuVersion, slbVersion];

/** For scenarios with a virtio device, or with those of some options. */
export const virtioOf = (options: NonNullable<KnownIssue['options']> = {}): KnownIssue => ({
  ...virtioQueueSize(options),
  machineTypes,
});

/** For scenarios that unplug an xHCI controller where the guest is on that side. */
export const xhciKeptOn = (side: KnownIssue['side']): KnownIssue => ({ ...xhciNeverDeleted(side), machineTypes });

/** For scenarios in which the devices of the catalogue travel. */
export const travelling: readonly KnownIssue[] = [
  ...refusedBackwards,
  virtioOf({ device: ['virtio-net', 'virtio-blk', 'virtio-scsi'] }),
  ...xhciStreamsOf({ device: ['nec-usb-xhci'] }).map((issue) => ({ ...issue, machineTypes })),
];

/**
 * A guest that migrates between two calls of ibm,configure-connector is told of the node from its beginning again: how far it has come (ccs_offset and
 * ccs_depth) is not sent. To the guest, the node begins within itself. Seen from 5.2.0 to 11.1.3.
 */
export const nodeBeginsAnew: KnownIssue = {
  name: 'configure-connector-begins-anew',
  source: 'hw/ppc/spapr_drc.c, vmstate_spapr_drc and rtas_ibm_configure_connector(), in 7.2.22 and in 10.0.13',
  builds: { source: '>=5.2' },
  machineTypes,
  options: { guest: ['node begun'] },
  side: 'destination',
  evidence: /^ibm,configure-connector ended in ([^/ ]+)\/\1 instead of the node that it began$/,
};

/**
 * A device is freed, and DEVICE_DELETED said, only when every thread has been out of RCU for a moment, and a vCPU that never waits stays in it
 * under TCG: wait_for_readers() asks it to come out for drain_call_rcu() alone. Seen on 5.2.0 to 10.0.13, where the event comes with `stop`; not on
 * 11.1.3.
 */
export const deletedLate: KnownIssue = {
  name: 'device-deleted-waits-for-vcpu',
  source: 'util/rcu.c, wait_for_readers(), and accel/tcg/tcg-accel-ops-mttcg.c, mttcg_force_rcu(), in 7.2.22',
  builds: { destination: '<11' },
  machineTypes,
  side: 'destination',
  evidence: /^waited \d+ ms for DEVICE_DELETED of device0; /,
};

/** device_add waits at its end for what is to be freed, and nobody asked the vCPU to come out before 6.2: QMP does not answer any more. */
export const addedNever: KnownIssue = {
  name: 'device-add-waits-for-vcpu',
  source: 'https://gitlab.com/qemu-project/qemu/-/issues/650',
  builds: { source: '>=5.2 <6.1.1' },
  machineTypes,
  side: 'source',
  evidence: /^QMP did not answer device_add within \d+ ms$/,
};

/**
 * All of the state that is looked at besides configuration space but the registers of the processor, of which one does not survive a migration to
 * 10.0 and later: they have a scenario of their own, so that everything else can be seen to be well there.
 */
export const allButProcessor = ['device-registers', 'msi-x', 'interrupt-controllers', 'memory'] as const;
