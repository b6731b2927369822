import type { Build, CompatProperty } from '../../build/build.js';

/** A compat property that one of two machine types sets and the other does not, or to another value. */
export interface ToldProperty {
  driver: string;
  property: string;
  /** Undefined where the machine type leaves the property alone. */
  bad: string | undefined;
  good: string | undefined;
  /** The build that tells. */
  build: Build;
}

/** What separates two machine types, as the builds tell that have both and tell at all (QEMU 9.1 and later): each property once. */
export function toldProperties(builds: readonly Build[], { bad, good }: { bad: string; good: string }): ToldProperty[] {
  const told = new Map<string, ToldProperty>();
  for (const build of builds) {
    const lists = [build.probe.compatProperties?.[bad], build.probe.compatProperties?.[good]];
    const [badList, goodList] = lists.map((list) => list && byName(list));
    if (!badList || !goodList) continue;
    for (const [name, { driver, property }] of [...badList, ...goodList]) {
      const values = { bad: badList.get(name)?.value, good: goodList.get(name)?.value };
      if (values.bad === values.good || told.has(name)) continue;
      told.set(name, { driver, property, ...values, build });
    }
  }
  return [...told.values()];
}

/** A later entry of a list is the one that holds. */
function byName(list: readonly CompatProperty[]): Map<string, CompatProperty> {
  return new Map(list.map((entry) => [`${entry.driver}.${entry.property}`, entry]));
}

/** Where a value comes from: "a compat property of pc-q35-6.0 alone, as QEMU 10.0.13 (deb:trixie) tells". */
export function originWords({ build, bad, good }: ToldProperty, types: { bad: string; good: string }): string {
  const teller = `as QEMU ${build.version.text} (${build.name}) tells`;
  if (bad !== undefined && good !== undefined) return `a compat property of both machine types, ${teller}`;
  return `a compat property of ${bad === undefined ? types.good : types.bad} alone, ${teller}`;
}
