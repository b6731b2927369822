import type { Message } from './template.js';

/**
 * What single devices, KVM and pseries say of state that they cannot load or save. Source: QEMU 5.2 to 11.1 hw/ide/ahci.c, hw/char/serial.c, hw/intc,
 * hw/s390x, hw/ppc/spapr*.c, hw/uefi, hw/virtio/virtio-pci.c, virtio-mem.c, backends/tpm, target/{i386,arm}/kvm*.c, target/arm/machine.c, system/physmem.c.
 */
export const stateMessages: readonly Message[] = [
  [
    'vcpu-state',
    '[Failed|failed] to [set|get|put] [nested state|special registers|general purpose registers|debug registers|MSRs|XCRs|vCPU events|vcpu events|MP state|APIC|Xen state|feature control MSR|TSC deadline MSR|FPU|KVM_REG_ARM_TIMER_CNT]{why*}',
    'The kernel does not give, or take, a part of the state of a virtual CPU',
  ],
  [
    'vcpu-state',
    'Fetch KVM feature MSR list failed{why*}',
    'The kernel does not say which model-specific registers it has',
  ],
  [
    'cpu-model',
    'KVM get MSR (index={msr%}) feature failed',
    'The kernel does not give the model-specific register {msr}',
  ],
  [
    'cpu-model',
    'system register {register%} in the incoming stream but unknown on the destination: fail migration',
    'System register {register} of an Arm CPU is in the stream, and the CPU of the destination has none',
  ],
  [
    'device-state',
    'AHCI: {engine} engine should be off, but status bit indicates it is still running.',
    'The AHCI controller in the stream says that {engine} is off and running at once',
  ],
  [
    'device-state',
    'inconsistent state in serial device ({why*}',
    'The serial port in the stream contradicts itself: {why}',
  ],
  [
    'device-state',
    'Invalid virtqueue index in request list: {queue%}',
    'A request in the stream belongs to virtqueue {queue}, which the disk has not',
  ],
  [
    'device-state',
    'Invalid virtio device(id {id#})',
    'The queues in the stream do not fit a virtio device of type {id}',
  ],
  ['migration-state', "'peer' devices are not migratable", 'ivshmem with master=off cannot be migrated'],
  [
    'device-state',
    'Proper preallocation with migration requires a newer QEMU machine',
    'virtio-mem with prealloc=on needs a newer machine type (from 8.0 on) to be migrated',
  ],
  [
    'host',
    'Unexpected error discarding RAM: {reason*}',
    'The host could not give back memory that the guest has unplugged: {reason}',
  ],
  [
    'device-state',
    "Can't post-load eBPF RSS[ - fallback to software RSS| for vhost]",
    'RSS in eBPF cannot be set up on the destination',
  ],
  ['device-state', 'tpm-emulator: {why*}', 'The TPM emulator does not take part in moving its state: {why}'],
  ['device-state', 'tpm_util: {why*}', 'The TPM answers in an odd way: {why}'],
  [
    'device-state',
    '[invalid uefi variable policy|invalid uefi variable|invalid buffer size|out of variable memory]{why*}',
    'The UEFI variables in the stream cannot be taken over',
  ],
  [
    'device-state',
    '[Storage key data is incomplete|Storage attributes data is incomplete|Unexpected storage key flag data|Unexpected storage attribute flag data]{why*}',
    'The storage keys or attributes of the s390x guest are not whole in the stream',
  ],
  [
    'host',
    '[S390_GET_KEYS|S390_SET_KEYS|Error {error#} while setting storage attributes|setting KVM_S390_VM_MIGRATION failed]{why*}',
    'The kernel does not give, or take, the storage keys or attributes of the s390x guest',
  ],
  [
    'host',
    '[storage key save|storage key load|cmma_load|Could not allocate memory to save storage attributes]{why*}',
    'The host gave no memory for the storage keys or attributes of the s390x guest',
  ],
  [
    'vcpu-state',
    'Guest clock [was|will] not[ be|] migrated{why*}',
    'The clock of the s390x guest is not in the stream',
  ],
  ['interrupt-controller', 'flic: {why*}', 'The floating interrupts of the s390x guest cannot be moved: {why}'],
  [
    'interrupt-controller',
    'Failed to retrieve kvm flic ais states',
    'The kernel does not give the floating interrupts of the s390x guest',
  ],
  [
    'interrupt-controller',
    'XIVE: {why*}',
    'The kernel does not give, or take, the state of the XIVE interrupt controller: {why}',
  ],
  ['vcpu-state', 'No timebase object', 'The timebase of the guest is nowhere on this side'],
  [
    'spapr-capability',
    'Process table config unsupported by the host',
    'The guest uses an MMU (radix or hash) that the host of the destination has not',
  ],
  [
    'device-state',
    '[The file backend for the spapr-nvdimm device|The guest expects hcall-flush support for the spapr-nvdimm device] {device@} {why*}',
    'The NVDIMM {device} is flushed in another way on the destination (pmem=, pmem-override=)',
  ],
  [
    'device-state',
    'device FDT in unexpected state: {state#}',
    'A device of the pseries guest was being plugged or unplugged',
  ],
  [
    'vfio',
    '[Failed to get dirty bitmap for|Failed to allocate dirty tracking bitmap|IOMMU_HWPT_GET_DIRTY_BITMAP] {why*}',
    'The kernel does not say which memory a VFIO device has written: {why}',
  ],
  [
    'vfio',
    '{host&} [Recover state is ERROR|Setting device in recover state]{why*}',
    'The driver of the VFIO device {host} refused a state and had to be reset',
  ],
  [
    'vfio',
    '{host&}: Falling back to slow path',
    'The migration region of the VFIO device {host} cannot be mapped, which makes its migration slow',
  ],
  ['vfio', 'operation cancelled', 'The loading of a VFIO device was given up'],
  [
    'spapr-capability',
    'cap-{capability} lower level ({source#}) in incoming stream than on destination ({destination#})',
    'The machine capability cap-{capability} is {source} in the stream, {destination} on the destination: the guest keeps what it has',
  ],
  [
    'device-state',
    'A machine check is being handled during migration. {why*}',
    'The guest was handling a machine check, which may be logged on the destination',
  ],
  [
    'device-state',
    '[Error writing the KVM hash table|Short write while restoring the KVM hash table]{why*}',
    'The kernel does not take the page table of the pseries guest',
  ],
  [
    'vcpu-state',
    '[Migration of interrupt state failed|Setting interrupt state failed]{why*}',
    'The kernel does not give, or take, the pending interrupts of a virtual CPU',
  ],
  [
    'device-state',
    "couldn't unplug primary device",
    'The network card that stands by for failover could not be unplugged before the migration',
  ],
  [
    'device-state',
    'Expected {expected#} file descriptors but got {got#}',
    'RSS in eBPF was given {got} of its {expected} file descriptors',
  ],
  [
    'snapshot',
    "[vmstate block device '{device}'|no block device can store vmstate|Block format '{format}' used by device|Device '{disk}' has no medium|Device is not readonly|snapshot_id and name are both NULL]{why*}",
    'There is no disk that can keep, or load, the snapshot',
  ],
  [
    'host',
    '[failed to open module|failed to initialize module|module arch does not match|multiple modules providing|error trying to access]{why*}',
    'A part of QEMU that it loads when wanted cannot be loaded{why}',
  ],
];
