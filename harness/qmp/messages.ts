import { ProtocolError } from '../core/errors.js';
import type { QmpEvents } from './schema.js';

/** The first thing a QMP server says. */
export interface QmpGreeting {
  QMP: {
    version: { qemu: { major: number; minor: number; micro: number }; package: string };
    capabilities: string[];
  };
}

/** An event as QEMU sent it; narrow it with `isEvent`. */
export interface QmpEvent {
  event: string;
  data?: unknown;
  timestamp: { seconds: number; microseconds: number };
}

export interface QmpFault {
  class: string;
  desc: string;
}

/** One message of a QMP server, told apart by its kind. */
export type QmpMessage =
  | { kind: 'greeting'; greeting: QmpGreeting }
  | { kind: 'event'; event: QmpEvent }
  | { kind: 'return'; id: unknown; value: unknown }
  | { kind: 'error'; id: unknown; fault: QmpFault };

/** True when `seen` is the named event; its data then has the type that the schema gives it. */
export function isEvent<E extends keyof QmpEvents>(seen: QmpEvent, name: E): seen is QmpEvent & { data: QmpEvents[E] } {
  return seen.event === name;
}

/** Reads one line of a QMP server; throws ProtocolError when it is none of greeting, event, return or error. */
export function parseMessage(line: string): QmpMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new ProtocolError(`the QMP server sent what is no JSON: ${excerpt(line)}`, { cause });
  }
  if (isObject(value)) {
    const { id } = value;
    if (isEventMessage(value)) return { kind: 'event', event: value };
    if ('return' in value) return { kind: 'return', id, value: value['return'] };
    if (isFault(value['error'])) return { kind: 'error', id, fault: value['error'] };
    if (isGreeting(value)) return { kind: 'greeting', greeting: value };
  }
  throw new ProtocolError(`the QMP server sent what is no greeting, event, return or error: ${excerpt(line)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isEventMessage(value: object): value is QmpEvent {
  return 'event' in value && typeof value.event === 'string';
}

function isFault(value: unknown): value is QmpFault {
  return isObject(value) && typeof value['class'] === 'string' && typeof value['desc'] === 'string';
}

function isGreeting(value: object): value is QmpGreeting {
  return 'QMP' in value && isObject(value.QMP) && Array.isArray(value.QMP['capabilities']);
}

function excerpt(line: string): string {
  return line.length <= 200
    ? JSON.stringify(line)
    : `${JSON.stringify(line.slice(0, 200))}… (${line.length} characters)`;
}
