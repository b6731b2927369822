import { z } from 'zod';
import { messageOf } from '../../core/errors.js';
import { StreamError } from '../errors.js';

/** One field of a vmstate as QEMU describes it. Source: QEMU 5.2–10.0 migration/vmstate.c, vmsd_desc_field_start. */
export interface FieldDescription {
  name: string;
  type: string;
  /** Bytes in the stream, of one element. */
  size: number;
  /** Number of elements that follow each other, where only the first is described. */
  array_len?: number | undefined;
  /** Which element of an array this is, where each is described. */
  index?: number | undefined;
  struct?: StateDescription | undefined;
}

/** The fields and subsections of a vmstate. */
export interface StateDescription {
  vmsd_name?: string | undefined;
  version?: number | undefined;
  fields: FieldDescription[];
  subsections?: StateDescription[] | undefined;
}

/** What the end of a stream says of one `full` section. */
export interface DeviceDescription extends StateDescription {
  name: string;
  instance_id: number;
}

/** The description (vmdesc) that QEMU puts behind a stream: every field of every section that is sent once. */
export interface StreamDescription {
  page_size?: number | undefined;
  devices: DeviceDescription[];
}

const size = z.number().int().nonnegative();

const field: z.ZodType<FieldDescription> = z.object({
  name: z.string(),
  type: z.string(),
  size,
  array_len: size.max(1 << 24).optional(),
  index: size.optional(),
  get struct() {
    return state.optional();
  },
});

const state: z.ZodType<StateDescription> = z.object({
  vmsd_name: z.string().optional(),
  version: z.number().int().optional(),
  // A state that has nothing to say has no list in some builds.
  fields: z.array(field).default([]),
  get subsections() {
    return z.array(state).optional();
  },
});

const description: z.ZodType<StreamDescription> = z.object({
  page_size: z.number().optional(),
  devices: z.array(z.intersection(state, z.object({ name: z.string(), instance_id: z.number().int() }))),
});

/** Reads the JSON text; throws StreamError, at `offset`, when it is not what QEMU writes. */
export function parseDescription(text: Buffer, offset: number): StreamDescription {
  try {
    return description.parse(JSON.parse(text.toString('utf8')));
  } catch (thrown) {
    const why =
      thrown instanceof z.ZodError ? z.prettifyError(thrown).split('\n').slice(0, 2).join(' ') : messageOf(thrown);
    throw new StreamError(offset, `a description of the devices as JSON was expected, and it cannot be read: ${why}`, {
      cause: thrown,
    });
  }
}
