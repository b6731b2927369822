/** The log of the bug report on slots that the guest powered off, with the line breaks that the mail gave it. */
export const mailedLog = `qemu-kvm: get_pci_config_device: Bad config data: i=0x6e read: 0 device: 40 
cmask: ff wmask: 0 w1cmask:19
qemu-kvm: Failed to load PCIDevice:config
qemu-kvm: Failed to load pcie-root-port:parent_obj.parent_obj.parent_obj
qemu-kvm: error while loading state for instance 0x0 of device 
'0000:00:12.0/pcie-root-port'
qemu-kvm: load of migration failed: Invalid argument
`;

/** A root port with slot=1 against one with slot=2, as QEMU 7.2.22 and 10.0.13 print it, and as 11.1.3 does. */
export const slotLog = `qemu-system-x86_64: get_pci_config_device: Bad config data: i=0x6a read: a device: 12 cmask: ff wmask: 0 w1cmask:0
qemu-system-x86_64: Failed to load PCIDevice:config
qemu-system-x86_64: Failed to load pcie-root-port:parent_obj.parent_obj.parent_obj
qemu-system-x86_64: error while loading state for instance 0x0 of device '0000:00:12.0/pcie-root-port'
qemu-system-x86_64: load of migration failed: Invalid argument
`;
export const slotLogInOneLine = `qemu-system-x86_64: warning: Machine type 'pc-q35-5.2' is deprecated: machines more than 3 years old are subject to deletion after 6 years
qemu-system-x86_64: get_pci_config_device: Bad config data: i=0x6a read: a device: 12 cmask: ff wmask: 0 w1cmask:0
qemu-system-x86_64: load of migration failed: Invalid argument: error while loading state for instance 0x0 of device '0000:00:12.0/pcie-root-port': Failed to load element of type pci config for config
`;
