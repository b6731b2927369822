/** There and back that are told one by one; more often, the count stands for them. */
const mostTold = 1;

const arrow = ' → ';
const toAndFro = ' ⇄ ';

/** The builds of a route as lines to read: each of them, or the two ends of one that goes there and back many times, and how often. */
export function stationsOf(route: readonly string[]): string[] {
  const times = timesThereAndBack(route);
  return times > mostTold ? [...route.slice(0, 2), `and back, ${times} times`] : [...route];
}

/** A route in one line, from which it can be read again: "A → B → C", "A ⇄ B × 10". */
export function routeName(route: readonly string[]): string {
  const times = timesThereAndBack(route);
  return times > mostTold ? `${route.slice(0, 2).join(toAndFro)} × ${times}` : route.join(arrow);
}

/** The builds that a route's name names, each once. */
export function buildsIn(name: string): string[] {
  const ends = name.includes(toAndFro) ? name.replace(/ × \d+$/, '').split(toAndFro) : name.split(arrow);
  return [...new Set(ends)];
}

/** How often a route goes from its first build to its second and back; 0 for any other route. */
function timesThereAndBack(route: readonly string[]): number {
  const returns = route.length >= 3 && route.length % 2 === 1;
  return returns && route.every((name, hop) => name === route[hop % 2]) ? (route.length - 1) / 2 : 0;
}
