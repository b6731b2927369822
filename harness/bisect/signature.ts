import type { CellResult } from '../record/events.js';
import type { Finding, OutcomeRecord, RegisterDifference } from '../record/outcome.js';

/** Fields of a finding that say what it is about, and not where it lay or what was in it. */
const tellingFields = [
  ...['area', 'register', 'bits', 'section', 'subsection', 'vmstate', 'field', 'block', 'capability'],
  ...['queue', 'function', 'expression', 'option'],
] as const;

const separator = ' · ';

/**
 * In which way a cell failed, in one line that is the same for the same failure of another layout or another run: the class of the migration that
 * went wrong, and of the most telling finding its side, kind, device, and register with bits or vmstate path. Addresses, offsets and values are
 * not in it. Of a cell that did not fail, its verdict.
 */
export function signatureOf(result: CellResult): string {
  const { verdict, findings, outcomes, reason } = result;
  if (verdict !== 'failed' && verdict !== 'known' && verdict !== 'flaky') return verdict;
  const wrong = outcomes.findLast((outcome) => outcome.class !== 'completed') ?? outcomes.at(-1);
  const [first] = findings;
  const what = first ? wordsOf(first, outcomes) : [withoutValues(withoutBuilds(reason, outcomes))];
  return [wrong?.class ?? 'no migration', ...what].filter((word) => word !== '').join(separator);
}

function wordsOf(finding: Finding, outcomes: readonly OutcomeRecord[]): string[] {
  const { side, kind, device = '' } = finding;
  const difference = kind.endsWith('-difference') ? differenceOf(finding, outcomes) : undefined;
  const told = difference ? registerWords(difference) : fieldWords(finding);
  return [side, kind, device, ...(told.length > 0 ? told : [withoutValues(finding.summary)])];
}

/** The difference that a finding tells in words: a finding of an oracle keeps no name of a register in configuration space. */
function differenceOf({ device, fields }: Finding, outcomes: readonly OutcomeRecord[]): RegisterDifference | undefined {
  const all = outcomes.flatMap(({ differences }) => differences);
  return all.find(
    (one) =>
      one.offset === fields['offset'] &&
      one.source === fields['source'] &&
      one.destination === fields['destination'] &&
      (device === undefined || one.device === device) &&
      (fields['register'] ?? one.register) === one.register,
  );
}

function registerWords({ area, register, bits, device, address }: RegisterDifference): string[] {
  // A page is known by its address alone: which one it is says nothing.
  const name = area === 'memory' ? 'a page' : register;
  return [area ?? '', address === '' ? device : '', name, bits.join(' ')].filter((word) => word !== '');
}

function fieldWords({ fields, path = [] }: Finding): string[] {
  const told = tellingFields.flatMap((name) => (fields[name] === undefined ? [] : [placeless(String(fields[name]))]));
  if (fields['register'] !== undefined || path.length === 0) return told;
  return [...told, path.map(placeless).join('/')];
}

/** A name without what says where its device stands: its qdev path, the offset of a capability, the index of an element. */
function placeless(name: string): string {
  return withoutPlace(name)
    .replace(/ at 0x[\da-f]+$/, '')
    .replaceAll(/\[\d+\]/g, '[]');
}

/** What begins with the name of a section, without the place of its device: "0000:00:12.0/pcie-root-port" is "pcie-root-port". */
export function withoutPlace(text: string): string {
  return text.replace(/^(?:[\da-f]{4}:[\da-f]{2}|pci@[\da-f]+)(?::[\da-f]{2}\.[0-7])+\//, '');
}

function withoutValues(text: string): string {
  return text
    .replaceAll(/\b(?:[\da-f]{4}:)?[\da-f]{2}:[\da-f]{2}\.[0-7]\b/g, 'ADDRESS')
    .replaceAll(/\b0x[\da-f]+\b/g, 'N')
    .replaceAll(/\b\d+(?:\.\d+)?\b/g, 'N');
}

function withoutBuilds(text: string, outcomes: readonly OutcomeRecord[]): string {
  const names = outcomes.flatMap(({ from, to }) => [from, to]).filter((name) => name !== '');
  return names.reduce((told, name) => told.replaceAll(name, 'BUILD'), text);
}
