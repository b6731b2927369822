import { formatDeviceLine, parseDeviceLine } from '../../machine/device-line.js';
import { type CommandOption, optionsOf, usedBackends, without, wordsOf } from './options.js';

/** What is taken away from the command lines of a cell, on both sides alike. */
export interface Absent {
  /** Keys of options. */
  options: ReadonlySet<string>;
  /** Names of properties, each `KEY,PROPERTY` of the option that it stands in. */
  properties: ReadonlySet<string>;
}

/** Words of both sides; the destination's only where the scenario tells the sides apart. */
export interface BothSides {
  words: readonly string[];
  destinationWords?: readonly string[];
}

/** Options whose value is a driver or type with its properties. */
const withProperties = ['-device', '-netdev', '-object'];

/** The command lines of a cell, from which things can be taken away: what stands on both sides goes from both. */
export class CommandLines {
  private readonly sides: readonly (readonly CommandOption[])[];

  constructor({ words, destinationWords }: BothSides) {
    this.sides = [words, ...(destinationWords ? [destinationWords] : [])].map(optionsOf);
  }

  /** What is left to say to QEMU. */
  words(absent: Absent): BothSides {
    const [words = [], destinationWords] = this.left(absent).map(wordsOf);
    return { words, ...(destinationWords && { destinationWords }) };
  }

  /** Keys of the devices that are left, in their order. */
  devices(absent: Absent): string[] {
    return this.keys(absent, ({ option }) => option === '-device');
  }

  /** Keys of what is left beside devices and what they use. */
  others(absent: Absent): string[] {
    const used = new Set(this.left(absent).flatMap((options) => [...usedBackends(options)]));
    return this.keys(absent, ({ option, key }) => option !== '-device' && !used.has(key));
  }

  /** Properties that are left, by their names in `Absent`. */
  properties(absent: Absent): string[] {
    return [...new Set(this.left(absent).flatMap((options) => options.flatMap(propertiesOf)))];
  }

  private keys(absent: Absent, chosen: (option: CommandOption) => boolean): string[] {
    return [...new Set(this.left(absent).flatMap((options) => options.filter(chosen).map(({ key }) => key)))];
  }

  private left({ options: gone, properties }: Absent): CommandOption[][] {
    return this.sides.map((options) => without(options, gone).map((option) => withoutProperties(option, properties)));
  }
}

function propertiesOf(option: CommandOption): string[] {
  const line = lineOf(option);
  return line ? [...line.properties.keys()].map((name) => `${option.key},${name}`) : [];
}

function withoutProperties(option: CommandOption, gone: ReadonlySet<string>): CommandOption {
  const line = lineOf(option);
  if (!line) return option;
  const left = [...line.properties].filter(([name]) => !gone.has(`${option.key},${name}`));
  if (left.length === line.properties.size && option.value?.startsWith('{')) return option;
  return { ...option, value: formatDeviceLine({ ...line, properties: new Map(left) }) };
}

/** The option's value, where it is a driver with properties that can be told apart. */
function lineOf({ option, value = '' }: CommandOption): ReturnType<typeof parseDeviceLine> | undefined {
  if (!withProperties.includes(option)) return undefined;
  // JSON has values that the other syntax cannot hold, and -object's has no driver.
  const isPlain = !value.startsWith('{') && (option === '-device' || /^[^,=]+(,|$)/.test(value));
  if (!isPlain && !(option === '-device' && !/[[{]/.test(value.slice(1)))) return undefined;
  try {
    return parseDeviceLine(value);
  } catch {
    return undefined;
  }
}
