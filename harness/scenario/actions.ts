import type { GuestAction } from '../record/events.js';
import type { Journey } from './definition.js';
import type { GuestKind } from './guests.js';

/**
 * What a scenario's body asks for, as it asks: calls of its guest, its machine and whatever these give, migrations among them.
 * Some may be left out: the body then gets a promise of somebody who does nothing, and whether it can go on with that is seen.
 */
export class ActionLog {
  readonly taken: GuestAction[] = [];
  private readonly watched = new WeakMap<object, object>();
  private readonly originals = new WeakMap<object, object>();
  private readonly given = new Map<string, number>();

  /** @param omitted places in `taken` of the actions to leave out; a migration is never left out. */
  constructor(private readonly omitted: readonly number[] = []) {}

  /** The journey as a body is to see it. */
  journey(journey: Journey<GuestKind>): Journey<GuestKind> {
    const migrate: Journey['migrate'] = (plan) => {
      this.note('', 'migrate', plan === undefined ? [] : [plan]);
      return journey.migrate(plan);
    };
    return new Proxy(journey, {
      get: (target, key) => {
        if (key === 'migrate') return migrate;
        if (key === 'guest' || key === 'machine') return this.watch(target[key], key);
        return Reflect.get(target, key, target) as unknown;
      },
    });
  }

  private watch<T extends object>(actor: T, name: string): T {
    const known = this.watched.get(actor);
    if (known) return known as T;
    const proxy = new Proxy(actor, {
      get: (target, key) => {
        const value = Reflect.get(target, key, target) as unknown;
        if (typeof key === 'symbol' || key === 'then') return value;
        if (typeof value === 'function') return this.callOf(target, { name, method: key, run: value });
        return isActor(value) ? this.watch(value, `${name}.${key}`) : value;
      },
    });
    this.watched.set(actor, proxy);
    this.originals.set(proxy, actor);
    return proxy;
  }

  private callOf(target: object, { name, method, run }: { name: string; method: string; run: unknown }) {
    return (...args: unknown[]): unknown => {
      const action = this.note(name, method, args);
      if (action.omitted) return Promise.resolve(this.nobody(action));
      const originals = args.map((arg) => (isObject(arg) ? (this.originals.get(arg) ?? arg) : arg));
      const given = Reflect.apply(run as (...all: unknown[]) => unknown, target, originals);
      if (given instanceof Promise) return given.then((value: unknown) => this.give(action, value));
      return this.give(action, given);
    };
  }

  /** What an action gave, watched where more can be asked of it. */
  private give(action: GuestAction, value: unknown): unknown {
    if (!isActor(value)) return value;
    action.gives = this.nameFor(action.method);
    return this.watch(value, action.gives);
  }

  /** Stands for what a left-out action would have given: whatever is asked of it is left out too. */
  private nobody(missing: GuestAction): object {
    return new Proxy(Object.create(null) as object, {
      get: (_, key) => {
        if (typeof key === 'symbol' || key === 'then' || key === 'toJSON') return undefined;
        return (...args: unknown[]) => {
          const action = this.note((missing.gives ??= this.nameFor(missing.method)), key, args);
          action.omitted = true;
          return Promise.resolve(this.nobody(action));
        };
      },
    });
  }

  /** A name for what a method gives, in the order in which it gives: 'slot1', 'slot2'. */
  private nameFor(method: string): string {
    const count = (this.given.get(method) ?? 0) + 1;
    this.given.set(method, count);
    return `${method}${count}`;
  }

  private note(on: string, method: string, args: readonly unknown[]): GuestAction {
    const isOmitted = on !== '' && this.omitted.includes(this.taken.length);
    const action: GuestAction = { on, method, args: asJson(args), ...(isOmitted && { omitted: true }) };
    this.taken.push(action);
    return action;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether a value is something of which a body may ask more: an object with methods of its own, not one of JavaScript's. */
function isActor(value: unknown): value is object {
  if (!isObject(value) || Array.isArray(value)) return false;
  const { constructor } = value;
  if (constructor === Object || typeof constructor !== 'function')
    return Object.values(value).some((member) => typeof member === 'function');
  return !Function.prototype.toString.call(constructor).includes('[native code]');
}

function asJson(args: readonly unknown[]): unknown[] {
  try {
    return JSON.parse(JSON.stringify(args)) as unknown[];
  } catch {
    return args.map(() => null);
  }
}
