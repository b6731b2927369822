import type { Deadline } from '../core/deadline.js';
import type { Machine } from '../machine/machine.js';
import { isEvent } from '../qmp/messages.js';

/**
 * Resolves when a machine says that its migration has completed; to be asked before the command that begins it. For a migration of which
 * there is nothing more to know: `migrate()` follows one and judges it. Throws WaitImpossibleError when it fails.
 */
export function completedMigration({ events }: Machine, what: string, deadline: Deadline): Promise<true> {
  return events.until({
    what,
    goal: (event) => (isEvent(event, 'MIGRATION') && event.data.status === 'completed' ? (true as const) : undefined),
    impossible: (event) => (isEvent(event, 'MIGRATION') && event.data.status === 'failed' ? 'it failed' : undefined),
    deadline,
  });
}
