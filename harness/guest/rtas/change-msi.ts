import { parseAddress } from '../../pci/address.js';
import { type BusUnitId, configAddress } from '../../pci/rtas-access.js';
import type { RtasCall } from '../../qtest/rtas.js';

/** What ibm,change-msi is asked for. Source: LoPAPR 1.1, 7.3.10.5.1, table 71. */
export interface MsiRequest {
  /** 0 asks, 1 sets MSI or MSI-X, 3 MSI, 4 MSI-X. */
  function: number;
  count: number;
  /** 1 where nothing is said: the first call of a request. */
  sequence?: number;
}

/** What ibm,change-msi answers; what follows a status that is not 0 means nothing. */
export interface MsiAnswer {
  /** 0 is success, -1 a hardware error, -3 a parameter error. */
  status: number;
  count: number;
  sequence: number;
  /** 1 is MSI, 2 MSI-X. */
  type: number;
}

/** What ibm,query-interrupt-source-number answers. */
export interface InterruptSource {
  /** 0 is success, -1 that there is no such interrupt. */
  status: number;
  source: number;
  /** 1 is an edge, 0 a level. */
  trigger: number;
}

/** The calls about interrupts of PCI functions ("00:01.0") behind one host bridge, by whoever makes RTAS calls. */
export class MsiCalls {
  constructor(
    private readonly call: RtasCall,
    private readonly buid: BusUnitId,
  ) {}

  async changeMsi(address: string, { function: number, count, sequence = 1 }: MsiRequest): Promise<MsiAnswer> {
    const args = [...this.place(address), number, count, sequence];
    const [status = 0, got = 0, next = 0, type = 0] = await this.call('ibm,change-msi', args, 4);
    return { status, count: got, sequence: next, type };
  }

  async interruptSource(address: string, index: number): Promise<InterruptSource> {
    const args = [...this.place(address), index];
    const [status = 0, source = 0, trigger = 0] = await this.call('ibm,query-interrupt-source-number', args, 3);
    return { status, source, trigger };
  }

  private place(address: string): number[] {
    return [configAddress(parseAddress(address)), this.buid.high, this.buid.low];
  }
}
