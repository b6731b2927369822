import { z } from 'zod';
import { messageOf, ProtocolError } from '../../core/errors.js';
import { defaultTransferBytes } from './message.js';
import { Struct } from './struct.js';

const numbers = new Struct('version', { major: 2, minor: 2 });

const schema = z.looseObject({
  capabilities: z
    .looseObject({
      max_msg_fds: z.number().optional(),
      max_data_xfer_size: z.number().int().positive().optional(),
      max_dma_maps: z.number().optional(),
      pgsizes: z.number().optional(),
      twin_socket: z.looseObject({}).optional(),
      write_multiple: z.boolean().optional(),
    })
    .optional(),
});

/** What one side says of itself in VERSION; `capabilities` as the specification names them. */
export interface Version {
  major: number;
  minor: number;
  capabilities: NonNullable<z.infer<typeof schema>['capabilities']>;
}

/** What Godwit's client proposes and its server answers: version 0.0, the data of a message bounded, no file descriptors. */
export const ourVersion: Version = {
  major: 0,
  minor: 0,
  capabilities: { max_msg_fds: 0, max_data_xfer_size: defaultTransferBytes },
};

/** The payload of a VERSION message. */
export function encodeVersion({ major, minor, capabilities }: Version): Buffer {
  return numbers.encode({ major, minor }, Buffer.from(`${JSON.stringify({ capabilities })}\0`));
}

/** Reads the payload of a VERSION message. Throws ProtocolError for JSON that cannot be read, ends without NUL or means something else. */
export function decodeVersion(payload: Buffer): Version {
  const { values, data } = numbers.decode(payload);
  if (data.length === 0) return { ...values, capabilities: {} };
  if (data.indexOf(0) !== data.length - 1) {
    throw new ProtocolError(`the version data do not end with their only NUL: ${excerpt(data)}`);
  }
  const text = data.subarray(0, -1).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError(`the version data are no JSON (${messageOf(cause)}): ${excerpt(data)}`, { cause });
  }
  const read = schema.safeParse(json);
  if (!read.success) {
    const [issue] = read.error.issues;
    const where = issue?.path.join('.') ?? '';
    throw new ProtocolError(`the version data have a wrong ${where}: ${issue?.message ?? ''}: ${excerpt(data)}`);
  }
  return { ...values, capabilities: read.data.capabilities ?? {} };
}

function excerpt(data: Buffer): string {
  return JSON.stringify(data.subarray(0, 200).toString('latin1'));
}
