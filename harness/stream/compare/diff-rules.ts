/** A value that may be another one in every capture, and why. */
export interface VolatileField {
  /** The section's name. */
  section: RegExp;
  /** The path of the field, its names joined by '/'. */
  field: RegExp;
  /** Only these bytes of it may differ; all of them where this is absent. */
  bytes?: readonly number[];
  reason: string;
}

const virtualTime = 'a point in virtual time';
const hostTime = "a point in the host's time";
const frames = 'counts frames of virtual time';

/**
 * What differs between two captures of one guest though nothing is wrong; anything else that differs is told as a difference.
 * Found by capturing the same machines on QEMU 5.2.0, 7.2.22, 10.0.13 and 11.1.3 twice, paused and after some seconds of firmware;
 * the rows of the APIC, the HPET and kvmclock come from hw/intc/apic_common.c, hw/timer/hpet.c and hw/i386/kvm/clock.c.
 */
export const volatileFields: readonly VolatileField[] = [
  { section: /^timer$/, field: /^cpu_(?:ticks|clock)_offset$/, reason: 'virtual time itself' },
  {
    section: /^mc146818rtc$/,
    field: /^cmos_data$/,
    // Seconds, minutes, hours, weekday, day, month and year; the century.
    bytes: [0x00, 0x02, 0x04, 0x06, 0x07, 0x08, 0x09, 0x32],
    reason: 'the time of day',
  },
  {
    section: /^mc146818rtc$/,
    field: /^(?:base_rtc|last_update|update_timer|next_alarm_time|next_periodic_time)$/,
    reason: hostTime,
  },
  { section: /^i8254$/, field: /^channels\[\d\][/.](?:count_load_time|next_transition_time)$/, reason: virtualTime },
  {
    section: /^(?:kvm-)?apic$/,
    field: /(?:^|\/)(?:initial_count_load_time|next_time|timer_expiry)$/,
    reason: virtualTime,
  },
  { section: /^hpet$/, field: /^hpet_counter$/, reason: 'counts virtual time' },
  { section: /^kvmclock$/, field: /^clock$/, reason: 'virtual time itself' },
  { section: /\/(?:uhci|usb-uhci)$/, field: /^(?:frnum|expire_time)$/, reason: frames },
  { section: /\/ehci$/, field: /(?:^|\/)(?:usbsts_frindex|frindex|last_run_ns)$/, reason: frames },
  { section: /\/xhci$/, field: /(?:^|\/)mfindex_start$/, reason: frames },
];

/** The type of a field that is a timer of QEMU's own: when it goes off next. */
export const timerType = 'timer';
export const timerReason = virtualTime;
