import { GuestError } from '../../core/errors.js';
import type { QtestClient } from '../../qtest/client.js';
import type { RtasCall } from '../../qtest/rtas.js';
import { borrowPage, pageAt } from './borrowed-page.js';
import { describeEvent, describeRequest, type HotplugRequest, longestLog, readHotplugRequest } from './event-log.js';

/** What check-exception is called for: an external interrupt, of these classes of events. Source: QEMU hw/ppc/spapr_events.c. */
const externalInterrupt = 0x500;
const eventClasses = { powerWarnings: 0x40000000, hotplug: 0x10000000 };
const statuses = { event: 0, none: 1 };

/** By whom RTAS calls are made, and where their results are looked at: on the machine that the guest is on now. */
export interface Rtas {
  readonly call: RtasCall;
  readonly qtest: QtestClient;
}

/**
 * The platform's events as a guest's rtas_errd takes them. Before a guest says at CAS that it knows hot-plug events, they come among the power
 * warnings (hw/ppc/spapr_events.c, rtas_event_log_to_source()); whoever asks for both classes need not know. Requests that were taken while another
 * one was looked for are kept for whoever looks for them; other events are nobody's.
 */
export class PlatformEvents {
  /** By their descriptions: to be asked twice is to be asked. */
  private readonly kept = new Set<string>();

  constructor(private readonly rtas: Rtas) {}

  /** Takes a request; throws GuestError that says what there was instead. `name` is that of the connector. */
  async take(wanted: HotplugRequest, name: string): Promise<void> {
    const others: string[] = [];
    for (let log = await this.next(); log; log = await this.next()) {
      const request = readHotplugRequest(log);
      if (request) this.kept.add(describeRequest(request));
      else others.push(describeEvent(log));
      if (this.kept.has(describeRequest(wanted))) break;
    }
    if (this.kept.delete(describeRequest(wanted))) return;
    const told = [...this.kept, ...others].join(', ');
    throw new GuestError(
      `the platform asks for nothing to ${wanted.action} in ${name}: check-exception told of ${told || 'nothing'}`,
    );
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
