import type { Message } from './template.js';

/**
 * What devices and virtual CPUs say while they save or load. Source: QEMU 5.2 to 11.1 hw/virtio/*.c, hw/net/virtio-net.c, hw/vfio/migration*.c,
 * hw/scsi, hw/usb, hw/nvme/ctrl.c, hw/intc, hw/pci/*.c, hw/ppc/spapr*.c, target/{i386,arm,ppc}/machine.c, target/i386/kvm/kvm.c.
 */
export const deviceMessages: readonly Message[] = [
  [
    'device-state',
    'Invalid number of virtqueues: {queues%}',
    'The virtio device has {queues} queues in the stream, more than there can be',
  ],
  [
    'device-state',
    'Invalid [size for config|config length]{why*}',
    'The virtio configuration has another length in the stream',
  ],
  [
    'device-state',
    'virtio-net: saved image requires {what*}',
    'The source used {what}, which the network backend of the destination has not',
  ],
  [
    'device-state',
    'virtio-net: saved image has invalid RSS indirections_len: {got#}',
    'The RSS table of the network card has an impossible length in the stream, {got}',
  ],
  ['device-state', 'virtio-net: {why*}', 'The network card refuses its state: {why}'],
  [
    'device-state',
    'max_queue_pairs [is|mismatch]{why*}',
    'The number of queue pairs is not the same on both sides: {why}',
  ],
  ['device-state', 'invalid SCSI request migration data', 'A SCSI request in the stream cannot be taken up again'],
  [
    'device-state',
    'inconsistent migration stream ({why})',
    'The queues in the stream are not those of the destination: {why}',
  ],
  [
    'device-state',
    'inflight buffer subsection has not been loaded',
    'The stream lacks the requests that were in flight',
  ],
  [
    'device-state',
    'VSCSI: failed loading request tag#{tag#}',
    'The SCSI request {tag} in the stream cannot be taken up again',
  ],
  [
    'device-state',
    'htab_load() bad [index|version]{why*}',
    'The page table of the pseries guest in the stream does not fit the destination',
  ],
  [
    'device-state',
    'Back-end [did not accept|does not support] migration state transfer',
    'The back-end takes no part in moving its state',
  ],
  [
    'device-state',
    'Error [loading|saving]  back-end state of {driver} device {device}',
    'The back-end of {device} ({driver}) could not move its state',
  ],
  [
    'device-state',
    'Back-end of {driver} device {device} (tag: "{tag}") does not support migration through qemu',
    'The back-end of {device} ({driver}) cannot be migrated',
  ],
  [
    'device-state',
    'ERROR: Cannot migrate while device properties (subsys/subsys_ven) differ',
    'The subsystem IDs of the card are not the same on both sides',
  ],
  ['device-state', '[usb-redir|usbredir]{what*}', 'The redirected USB device refuses its state: {what}'],
  [
    'device-state',
    'Unsupported old non-softfloat CPU state',
    'The FPU state in the stream is of a QEMU too old for the destination',
  ],
  [
    'vcpu-state',
    'Guest maybe enabled nested virtualization but kernel does not support required capabilities to save vCPU nested state',
    'The guest runs guests of its own, and the kernel of the source cannot save them',
  ],
  [
    'vcpu-state',
    'Received [nested state|unsupported nested|invalid nested]{why*}',
    'The state of nested guests in the stream does not fit the kernel of the destination',
  ],
  [
    'vcpu-state',
    'vCPU set in guest-mode inconsistent with migrated kernel nested state',
    'The state of nested guests in the stream contradicts itself',
  ],
  [
    'vcpu-state',
    'Guest enabled re-enlightenment notifications, {why*}',
    'The guest needs a tsc-frequency= on both sides',
  ],
  [
    'cpu-model',
    'Mismatch between user-specified TSC frequency and migrated TSC frequency',
    'The time-stamp counter is faster or slower on the other side (tsc-frequency=)',
  ],
  [
    'cpu-model',
    'TSC frequency mismatch between VM ({source#} kHz) and host ({destination#} kHz){why*}',
    'The time-stamp counter runs at {source} kHz in the guest, {destination} kHz on the host',
  ],
  [
    'cpu-model',
    "[Host|TCG] doesn't support requested features",
    'The CPU model has features that the host, or TCG, has not',
  ],
  ['cpu-model', "unable to find CPU model '{model}'", 'This build has no CPU model {model}'],
  [
    'cpu-model',
    '[failed to set MSR|error: failed to set MSR] {msr%} to {value%}',
    'The kernel of the destination refuses the model-specific register {msr}',
  ],
  [
    'cpu-model',
    'error: failed to get MSR {msr%}',
    'The kernel of the source does not give the model-specific register {msr}',
  ],
  [
    'cpu-model',
    '[failed to set xsave state|Failed to set XSAVE|failed to decompact xsave area]{why*}',
    'The XSAVE state in the stream does not fit the CPU of the destination',
  ],
  [
    'cpu-model',
    '[failed to get xsave state|Failed to get XSAVE]{why*}',
    'The XSAVE state could not be read on the source',
  ],
  [
    'cpu-model',
    '[Failed to put registers after init|Failed to load registers]{why*}',
    'The kernel of the destination refuses the registers of a virtual CPU',
  ],
  [
    'spapr-capability',
    'cap-{capability} higher level ({source#}) in incoming stream than on destination ({destination#})',
    'The machine capability cap-{capability} is {source} in the stream, {destination} on the destination',
  ],
  [
    'interrupt-controller',
    'This operating system kernel does not support v{controller} migration',
    'The kernel cannot move the state of v{controller}',
  ],
  [
    'interrupt-controller',
    '[KVM_SET_DEVICE_ATTR|KVM_GET_DEVICE_ATTR] failed{why*}',
    'The kernel refuses a register of the interrupt controller or another of its devices',
  ],
  ['interrupt-controller', 'ITS {what*}', 'The interrupt translation service refuses its state: {what}'],
  ['vhost', 'vhost{device*}', 'The vhost back-end failed: {device}'],
  ['vhost', 'vhost_{call} failed{why*}', 'The vhost back-end failed: {call}'],
  [
    'vhost',
    'Failed to [read msg header|write msg|set msg fds|read from|save|load|start]{what*}',
    'The vhost-user back-end does not answer: {what}',
  ],
  [
    'vhost',
    '[Received unexpected msg type|Received bad msg size]{why*}',
    'The vhost-user back-end answers wrongly: {why}',
  ],
  [
    'vfio',
    '{host&}: Unknown tag 0x{tag%}',
    'The state of the VFIO device {host} has another form in the stream: its protocol changed between the two builds (tag 0x{tag})',
  ],
  [
    'vfio',
    '{host&}: SETUP STATE: EOS not found 0x{tag%}',
    'The state of the VFIO device {host} does not begin as the destination expects',
  ],
  [
    'vfio',
    '{host&}: Failed loading device config space, end flag incorrect 0x{tag%}',
    'The configuration space of the VFIO device {host} does not end where it should in the stream',
  ],
  [
    'load-step',
    '{host&}: Failed to load device config space',
    'The configuration space of the VFIO device {host} could not be loaded',
  ],
  [
    'vfio',
    '{host&}: Failed to save device config space',
    'The configuration space of the VFIO device {host} could not be saved',
  ],
  [
    'vfio',
    '[vfio: |]Failed to save device config space of {host}',
    'The configuration space of the VFIO device {host} could not be saved',
  ],
  [
    'vfio',
    '{host&}: [Failed to|Failed] [set|setting|setup|mmap|save|allocate] {what*}',
    'The driver of the VFIO device {host} refuses: {what}',
  ],
  [
    'vfio',
    '{host&}: [Error allocating buffer|Invalid zero-sized VFIO migration region|Invalid device state|data_fd out of sync]{why*}',
    'The driver of the VFIO device {host} does not do as it should{why}',
  ],
  [
    'vfio',
    '{host&}: [packet|state buffer|expected FLAG_DEV_CONFIG_STATE|got device state|got DEV_CONFIG|duplicate DEV_CONFIG|load config state|save config state|multifd|Multifd|reading state|writing state|Received INIT_DATA_SENT|qemu_loadvm_approve_switchover|vfio_load_device_config_state()|vfio_save_buffer]{why*}',
    'The state of the VFIO device {host} came in a form that the destination does not take',
  ],
  [
    'vfio',
    'vfio_mig_{access} {bytes#} byte {what}: failed at offset 0x{offset%}',
    'The driver of a VFIO device refuses its migration region ({access} at 0x{offset})',
  ],
  ['vfio', 'vfio {host}: {why*}', 'The VFIO device {host} cannot be used: {why}'],
  [
    'host',
    '[cannot set up guest memory|Cannot allocate memory|unable to map backing store for guest RAM]{why*}',
    'The host gave no memory for the guest',
  ],
  [
    'host',
    '[Could not access KVM kernel module|failed to initialize kvm]: {reason*}',
    'KVM cannot be used on this host: {reason}',
  ],
  ['host', 'Error allocating [zero page|encoded_buf|current_buf]', 'The host gave no memory for the migration'],
  ['host', "[Can't alloc memory for COLO cache|Failed to map]{what*}", 'The host gave no memory for the migration'],
  ['host', 'kvm run failed {reason*}', 'A virtual CPU cannot go on: {reason}'],
  ['host', 'error: kvm run failed {reason*}', 'A virtual CPU cannot go on: {reason}'],
  [
    'device-state',
    "Property '{property}' [size |]changed from {source} to {destination}",
    'The property {property} is {source} in the stream, {destination} on the destination',
  ],
  [
    'device-state',
    'Replaying plugged ranges failed: {reason*}',
    'The plugged memory in the stream cannot be plugged on the destination: {reason}',
  ],
  [
    'device-state',
    '[Guest moved used index|Guest says index|Virtqueue size exceeded|Looped descriptor|Desc next is|virtio: bogus descriptor|virtio: zero sized buffers|Region caches not initialized]{why*}',
    'The rings of a virtio device in guest memory contradict its state',
  ],
  [
    'vhost',
    'Failed to [set up state transfer pipe|initiate state transfer|receive state|read state|send state|send SET_DEVICE_STATE_FD|receive SET_DEVICE_STATE_FD|send CHECK_DEVICE_STATE|receive CHECK_DEVICE_STATE|send postcopy|get postcopy|receive reply to postcopy|get back-end-provided]{what*}',
    'The vhost-user back-end did not take part in moving its state',
  ],
  ['vhost', 'Back-end failed to process its internal state', 'The vhost-user back-end could not use its state'],
  [
    'vfio',
    "{host&}: [save setup failed|VFIO migration init failed|Migration couldn't be initialized|VFIO migration is not supported|VFIO_MIGRATION_STOP_COPY is not supported|VFIO device doesn't support|Migration is currently not supported|Migration is disabled|Migration disabled]{why*}",
    'The VFIO device {host} cannot be migrated',
  ],
  [
    'vfio',
    "[VFIO device doesn't support migration|Multiple VFIO devices migration is supported only]{why*}",
    'The VFIO device cannot be migrated on this host',
  ],
];
