import type { Message } from './template.js';

/**
 * Why QEMU does not begin, or not now. Source: QEMU 5.2 to 11.1 migration/migration.c, options.c, savevm.c, block.c, and what vfio-user
 * servers say: libvfio-user lib/libvfio-user.c, lib/pci.c, lib/pci_caps.c.
 */
export const refusalMessages: readonly Message[] = [
  [
    'capability-conflict',
    "[Postcopy|Multifd|Background-snapshot|Mapped-ram|Mapped-ram migration|Zero copy|Postcopy preempt|RDMA and {other}|RDMA] [is|are|not|only|currently|requires|must|can't|cannot|and] {why*}",
    'Capabilities that do not go together: {why}',
  ],
  ['capability-conflict', 'Postcopy is not supported: {why*}', 'Postcopy cannot be used: {why}'],
  [
    'capability-conflict',
    '[Cannot use|multifd is not supported by|No build-time support for] {what*}',
    'Not with this channel or build: {what}',
  ],
  [
    'capability-conflict',
    "Capability '{capability}' requires capability '{other}'",
    'The capability {capability} needs {other}',
  ],
  [
    'capability-conflict',
    'dirty-limit [conflicts with|requires] {why*}',
    'The capability dirty-limit cannot be used: {why}',
  ],
  [
    'capability-conflict',
    '[Command options are incompatible with current migration capabilities|Block migration and snapshots are incompatible|Path too long for VMState]{why*}',
    'What was asked for does not go with the capabilities',
  ],
  [
    'capability-conflict',
    'Enable postcopy with migrate_set_capability before the start of migration',
    'Postcopy was asked for without the capability postcopy-ram',
  ],
  ['capability-conflict', 'QEMU compiled without {what*}', 'This build has no {what}'],
  [
    'capability-conflict',
    '[Option|Parameter] {parameter} [expects|must] {what*}',
    'The parameter {parameter} is out of range: {what}',
  ],
  ['migration-state', "There's a migration process in progress", 'A migration is running already'],
  ['migration-state', 'Guest is waiting for an incoming migration', 'This QEMU waits for a migration itself'],
  [
    'migration-state',
    "'-incoming' was not specified on the command line",
    'This QEMU was not started to receive a migration',
  ],
  ['migration-state', "For use with '-incoming defer'", 'This QEMU was not started with -incoming defer'],
  ['migration-state', 'The incoming migration has already been started', 'A migration is coming in already'],
  ['migration-state', 'Incoming migration already deferred', 'The incoming migration is deferred already'],
  [
    'migration-state',
    'Postcopy must be started after migration has been started',
    'There is no migration to switch to postcopy',
  ],
  [
    'migration-state',
    "Can't migrate the vm that was paused due to previous migration",
    'The guest has left this QEMU already',
  ],
  [
    'migration-state',
    "Can't migrate this vm with hardware poisoned memory, {why*}",
    'The host found broken memory under the guest',
  ],
  [
    'migration-state',
    '[Migrate recover|Migrate recovery|Cannot resume|migrate-pause is|Postcopy recovery cannot|Failed to pause|Postcopy migration in progress]{why*}',
    'Not at this moment of a postcopy migration{why}',
  ],
  [
    'migration-state',
    'Migration not in expected state: {state*}',
    'The migration is {state}, which this command does not expect',
  ],
  [
    'migration-state',
    '[Switchover is interrupted|Block inactivate failed during switchover|Error in migration completion|migration_stop_vm failed]{why*}',
    'The migration broke off at the switchover',
  ],
  [
    'snapshot',
    "[Device '{device}' is writable but does not support snapshots|Device '{other}' does not have the requested snapshot]{why*}",
    'A disk does not take part in snapshots',
  ],
  [
    'snapshot',
    '[No block device can accept snapshots|No block device supports snapshots|Could not open VM state file|This is a disk-only snapshot|Snapshot can not be found]',
    'There is no disk to keep the snapshot on, or none of that name',
  ],
  [
    'vfio-user',
    '[{server@}: |]failed to {access} {first%}-{last%}: {reason}',
    'The vfio-user server refuses to {access} {first} to {last} of a region: {reason}',
  ],
  [
    'vfio-user-note',
    '[{server@}: |]added PCI cap "{capability}" size={size%} offset={offset%}',
    'The vfio-user server has a {capability} capability at {offset}',
  ],
  [
    'vfio-user-note',
    '[{server@}: |]invalid {capability} write offset {offset#}',
    'The vfio-user server refuses a write to its {capability} capability',
  ],
  [
    'vfio-user-note',
    '[{server@}: |]msg0x{message%}: cmd {command#} failed: {reason}',
    'The vfio-user server answers message 0x{message} (command {command}) with an error: {reason}',
  ],
  [
    'vfio-user-note',
    '{server@}: [W|R] {region#} {first%}-{end%}',
    'The vfio-user client reaches {first} to {end} of region {region}',
  ],
];
