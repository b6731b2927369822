import { GuestError } from '../../core/errors.js';
import type { RtasCall } from '../../qtest/rtas.js';
import { borrowPage, type GuestRam, pageAt } from './borrowed-page.js';
import { describeEvent, describeRequest, type HotplugRequest, longestLog, readHotplugRequest } from './event-log.js';

/** What check-exception is called for: an external interrupt, of these classes of events. Source: QEMU hw/ppc/spapr_events.c. */
const externalInterrupt = 0x500;
const eventClasses = { powerWarnings: 0x40000000, hotplug: 0x10000000 };
const statuses = { event: 0, none: 1 };
/** More than all connectors of a bus could tell of: who is told of so many is told of them for ever. */
const mostEvents = 1000;

/** By whom RTAS calls are made, and where their results are looked at: on the machine that the guest is on now. */
export interface Rtas {
  readonly call: RtasCall;
  readonly qtest: GuestRam;
}

/**
 * The platform's events as a guest's rtas_errd takes them. Before a guest says at CAS that it knows hot-plug events, they come among the power
 * warnings (hw/ppc/spapr_events.c, rtas_event_log_to_source()); whoever asks for both classes need not know. Requests that were taken while another
 * one was looked for are kept for whoever looks for them; other events are nobody's.
 */
export class PlatformEvents {
  /** The oldest first. */
  private kept: readonly HotplugRequest[];

  /** @param before those of the same guest on the machine that it came from: what it was told there travels with its RAM. */
  constructor(
    private readonly rtas: Rtas,
    before?: PlatformEvents,
  ) {
    this.kept = before?.kept ?? [];
  }

  /**
   * Takes a request, and forgets what was asked of its connector before; throws GuestError that says what there was instead. `name` is that of
   * the connector.
   */
  async take(wanted: HotplugRequest, name: string): Promise<void> {
    const others: string[] = [];
    let log = await this.next();
    for (let events = 1; log; events += 1) {
      const request = readHotplugRequest(log);
      if (request) this.keep(request);
      else others.push(describeEvent(log));
      if (this.takeKept(wanted)) return;
      if (events === mostEvents) {
        throw new GuestError(
          `check-exception told of ${events} events when asked to ${wanted.action} in ${name}, and of no end; the last one is ${describeEvent(log)}`,
        );
      }
      log = await this.next();
    }
    // Somebody else who looked for a request meanwhile may have been told of this one.
    if (this.takeKept(wanted)) return;
    const told = [...this.kept.map(describeRequest), ...others].join(', ');
    throw new GuestError(
      `the platform asks for nothing to ${wanted.action} in ${name}: check-exception told of ${told || 'nothing'}`,
    );
  }

  /** To be asked twice on end is to be asked. */
  private keep(request: HotplugRequest): void {
    const last = this.kept.findLast(({ index }) => index === request.index);
    if (last?.action !== request.action) this.kept = [...this.kept, request];
  }

  private takeKept({ action, index }: HotplugRequest): boolean {
    const found = this.kept.findIndex((one) => one.action === action && one.index === index);
    this.kept = this.kept.filter((one, place) => place > found || one.index !== index);
    return found >= 0;
  }

  /** The oldest event that nobody has taken; undefined where there is none. */
  private next(): Promise<Buffer | undefined> {
    const { call, qtest } = this.rtas;
    return borrowPage(qtest, async () => {
      const classes = eventClasses.powerWarnings | eventClasses.hotplug;
      const [status] = await call('check-exception', [externalInterrupt, 0, classes, 1, pageAt, longestLog], 1);
      if (status === statuses.none) return undefined;
      if (status === statuses.event) return qtest.readBlock(pageAt, longestLog);
      throw new GuestError(`check-exception answered ${status}`);
    });
  }
}
