import { type Capture, type DeviceState, devicesOf } from '../capture.js';
import { registerValues } from '../state/config-space.js';
import { bytesOf, elementsOf, type Field, valueOf } from '../state/fields.js';

/** A capture as plain data for --json: whole buffers in hexadecimal, configuration space by its registers. */
export function captureData(capture: Capture): unknown {
  const { bytes, trailingBytes, configuration, blocks, items } = capture;
  return {
    ...{ bytes, trailingBytes, configuration, blocks },
    items: items.map((item) => {
      if (item.kind === 'command') {
        const { name, offset, data } = item.command;
        return { kind: 'command', name, offset, data: data.toString('hex') };
      }
      if (item.kind === 'configuration') return { kind: 'configuration', offset: item.offset, end: item.end };
      const { data: _, ...section } = item.section;
      return { kind: 'section', times: item.times, ...section };
    }),
    devices: devicesOf(capture).map(deviceData),
  };
}

function deviceData({ section, body, fields, misfit }: DeviceState): unknown {
  const { name, instance, version, bodyOffset, bodyBytes } = section;
  return {
    ...{ name, instance, version, offset: bodyOffset, bytes: bodyBytes },
    ...(fields && { fields: fields.map((field) => fieldData(field, body)) }),
    ...(misfit && { misfit: misfit.message }),
    ...(!fields && { data: body.toString('hex') }),
  };
}

function fieldData(field: Field, body: Buffer): unknown {
  const { name, type, size, parts, count } = field;
  if (count !== undefined)
    return { name, type, values: [...elementsOf(field)].map((element) => valueOf(element, body)) };
  if (parts) return { name, type, parts: parts.map((part) => fieldData(part, body)) };
  const bytes = bytesOf(field, body);
  if (type === 'pci config') return { name, type, value: bytes.toString('hex'), registers: registerValues(bytes) };
  return { name, type, value: size > 8 ? bytes.toString('hex') : valueOf(field, body) };
}
