import type { GuestSettings } from '../scenario/guests.js';

/** The builds of a run where nobody names any: one that has the bug of the first report, and one that has its fix. */
export const usualBuilds = ['deb:bookworm', 'deb:trixie'];

/** The machine types of a first look: native hotplug up to 6.0, ACPI hotplug from 6.1 on. */
export const usualMachines = 'pc-q35-{5.2,6.0,6.1,7.2}';

/** How guests come up where nobody says otherwise: Linux of a Debian suite, saved once it has booted. */
export const usualGuests: GuestSettings = { cold: false };
