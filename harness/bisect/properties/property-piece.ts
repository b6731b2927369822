/** Text of a property's value in each of two machine types. */
export interface TwoValues {
  /** In the machine type that fails; undefined when nobody tells. */
  bad: string | undefined;
  /** In the machine type that passes. */
  good: string;
}

/** A property that two machine types have different values of, and that a command line can set. */
export interface PropertyPiece extends TwoValues {
  /** A property of a device type, or of the machine itself. */
  of: 'device' | 'machine';
  /** A device type, also an abstract one: 'ICH9-LPC', 'virtio-pci'. The machine type that fails where it is the machine's. */
  driver: string;
  property: string;
}

/** "ICH9-LPC.acpi-pci-hotplug-with-bridge-support", "-machine hpet". */
export function pieceName({ of, driver, property }: PropertyPiece): string {
  return of === 'machine' ? `-machine ${property}` : `${driver}.${property}`;
}

/** The words that give the property a value on a command line. Source: -global and -machine of QEMU's invocation manual. */
export function wordsSetting({ of, driver, property }: PropertyPiece, value: string): string[] {
  const listed = value.replaceAll(',', ',,');
  if (of === 'machine') return ['-machine', `${property}=${listed}`];
  // In the short form a dot ends the driver, and a comma is part of the value.
  if (!driver.includes('.')) return ['-global', `${driver}.${property}=${value}`];
  return ['-global', `driver=${driver},property=${property},value=${listed}`];
}
