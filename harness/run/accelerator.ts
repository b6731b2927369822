import type { Build } from '../build/build.js';
import { UsageError } from '../core/errors.js';

/** What `--accel` accepts. */
export const accelerators = ['auto', 'tcg', 'kvm'] as const;

/**
 * The accelerator for a route. 'auto' is KVM where a probe guest ran under it on every build, else TCG.
 * Throws UsageError when a named accelerator does not run on a build.
 */
export function acceleratorFor(route: readonly Build[], wanted: string): string {
  const everywhere = (accel: string): boolean => route.every((build) => build.probe.accelerators.includes(accel));
  if (wanted === 'auto') return everywhere('kvm') ? 'kvm' : 'tcg';
  if (!accelerators.some((known) => known === wanted)) {
    throw new UsageError(`--accel ${wanted} is unknown; accepted: ${accelerators.join(', ')}`);
  }
  const lacking = route.find((build) => !build.probe.accelerators.includes(wanted));
  if (!lacking) return wanted;
  throw new UsageError(
    `--accel ${wanted}: no guest runs under it here with ${lacking.name}; accepted: ${lacking.probe.accelerators.join(', ')}`,
  );
}
