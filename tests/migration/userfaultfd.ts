import { existsSync, readFileSync } from 'node:fs';

/** Why this user cannot have postcopy here; undefined where it can be had (Linux Documentation/admin-guide/mm/userfaultfd.rst). */
export function lackOfUserfaultfd(): string | undefined {
  const setting = '/proc/sys/vm/unprivileged_userfaultfd';
  const allowed = process.getuid?.() === 0 || (existsSync(setting) && readFileSync(setting, 'latin1').trim() === '1');
  return allowed ? undefined : 'postcopy needs userfaultfd, which this host keeps from ordinary users';
}
