/** IDs of capabilities that Godwit itself looks for. Source: PCI Code and ID Assignment Specification 1.11, 2. */
export const capabilityIds = {
  powerManagement: 0x01,
  slotIdentification: 0x04,
  vendorSpecific: 0x09,
  standardHotPlug: 0x0c,
  express: 0x10,
  msix: 0x11,
} as const;
