import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { packageRoot } from '../core/package-root.js';
import type { Finding } from '../record/outcome.js';

const fixSchema = z.strictObject({
  /** Short name. */
  name: z.string(),
  /** Kinds of finding. */
  kinds: z.array(z.string()).min(1),
  /** Fields of the finding, with a regular expression each, all of which must match; `line` is the line itself, `summary` the sentence. */
  where: z.record(
    z.string(),
    z
      .string()
      .refine(isPattern, 'no regular expression')
      .transform((text) => new RegExp(text)),
  ),
  /** What causes it, what cures it, from which version on. */
  words: z.string(),
  /** Where that is written: a commit, a file of QEMU, a report. */
  source: z.string(),
});

/** One known cause. */
export type KnownFix = z.infer<typeof fixSchema>;

let fixes: KnownFix[] | undefined;

/** Every known cause, from `machines/known/fixes.yaml`; throws ZodError when that file is not as it should be. */
export function knownFixes(): readonly KnownFix[] {
  fixes ??= z.array(fixSchema).parse(parse(readFileSync(join(packageRoot, 'machines', 'known', 'fixes.yaml'), 'utf8')));
  return fixes;
}

/** What is known of a finding; the first cause that fits, in the order of the file. */
export function knownFixOf(finding: Finding): { words: string; source: string } | undefined {
  const found = knownFixes().find((fix) => fits(fix, finding));
  return found && { words: found.words, source: found.source };
}

function fits({ kinds, where }: KnownFix, finding: Finding): boolean {
  if (!kinds.includes(finding.kind)) return false;
  const facts: Record<string, string | number | undefined> = {
    ...finding.fields,
    line: finding.line,
    summary: finding.summary,
    path: finding.path?.join(' '),
  };
  return Object.entries(where).every(([name, pattern]) => {
    const fact = facts[name];
    return fact !== undefined && pattern.test(String(fact));
  });
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text).source !== '';
  } catch {
    return false;
  }
}
