import picomatch from 'picomatch';
import { defaultArch } from '../build/architecture.js';
import { type MachineFamily, machineFamilies } from '../machine/family.js';
import type { Scenario } from '../scenario/definition.js';

/** What is known of a selection before there is a build that could tell its machine types. */
export interface EarlySelection {
  /** `--machine`: machine types or globs. */
  machines?: readonly string[] | undefined;
  grep?: RegExp | undefined;
}

/** No QEMU has had a higher version than this, nor more versions a year than QEMU 0 had. */
const lastMajor = 30;
const lastMinor = 15;

/**
 * The architectures of the guests that these scenarios need, x86_64 first: those of the machine families that their globs and `--machine`
 * leave; none where they name no machine of a known family.
 */
export function architecturesOf(
  scenarios: readonly Pick<Scenario, 'title' | 'machines'>[],
  { machines, grep }: EarlySelection = {},
): string[] {
  const wanted = likelyScenarios(scenarios, grep).map((scenario) => [scenario.machines].flat());
  const lists = new Map(wanted.map((globs) => [JSON.stringify(globs), globs]));
  const families = machineFamilies().filter(
    (family) =>
      (machines === undefined || mayName(machines, family)) &&
      [...lists.values()].some((globs) => mayName(globs, family)),
  );
  const found = new Set(families.map(({ architecture }) => architecture));
  return [...found].sort((a, b) => Number(b === defaultArch) - Number(a === defaultArch) || a.localeCompare(b, 'en'));
}

/**
 * The scenarios of which `--grep` likely selects cells: it is matched against whole ids, of which titles are the part that is known before
 * there is a plan. All of them where no title matches.
 */
export function likelyScenarios<S extends Pick<Scenario, 'title'>>(
  scenarios: readonly S[],
  grep: RegExp | undefined,
): readonly S[] {
  const named = grep ? scenarios.filter(({ title }) => title.search(grep) >= 0) : [];
  return named.length > 0 ? named : scenarios;
}

/** Whether machine types of the family may be among what globs name: by their beginning, or by the versions that there may be. */
function mayName(globs: readonly string[], family: MachineFamily): boolean {
  if (globs.some((glob) => glob.startsWith(`${family.family}-`))) return true;
  const matches = picomatch([...globs]);
  return typesOf(family).some((type) => matches(type));
}

const types = new Map<string, string[]>();

/** Every machine type that a family could have. */
function typesOf({ family, alias }: MachineFamily): string[] {
  const known = types.get(family);
  if (known) return known;
  const versions = Array.from({ length: lastMajor * (lastMinor + 1) }, (_, index) => {
    const major = 1 + Math.floor(index / (lastMinor + 1));
    return `${family}-${major}.${index % (lastMinor + 1)}`;
  });
  const made = [family, ...(alias === undefined ? [] : [alias]), ...versions];
  types.set(family, made);
  return made;
}
