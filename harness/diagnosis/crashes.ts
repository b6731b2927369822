import type { ErrorFields, ErrorRule } from './error-rules.js';

const text = (value: string | undefined): string => value ?? '';

function crash(what: string): ErrorRule['fields'] {
  return ({ detail }) => ({ kind: 'crash', what, ...(detail !== undefined && { detail }) });
}

/** A line of a dump, and what a shell says of an abort: they follow from a crash. */
function note(): ErrorFields {
  return { kind: 'crash-note' };
}

/**
 * How a QEMU says that it cannot go on: a sanitizer, the C library, KVM, its own hw_error() and cpu_abort(), the shell. Source: QEMU 5.2 to 11.1
 * accel/kvm/kvm-all.c, cpu.c, system/cpus.c; glibc 2.31 to 2.42 malloc/malloc.c, debug/fortify_fail.c; LLVM compiler-rt.
 */
export const crashRules: readonly ErrorRule[] = [
  { pattern: /^==\d+==ERROR: (?<detail>\w+Sanitizer: .*)$/, fields: crash('a sanitizer found an error') },
  { pattern: /^WARNING: (?<detail>ThreadSanitizer: .*)$/, fields: crash('a sanitizer found an error') },
  {
    pattern: /^(?<detail>[^:\s]+\.[ch](?:\.inc)?:\d+:\d+: runtime error: .*)$/,
    fields: crash('a sanitizer found an error'),
  },
  {
    pattern:
      /^(?<detail>(?:free|malloc|realloc|munmap_chunk|malloc_consolidate|calloc|tcache_\w+)\(\): .*|(?:double free or corruption|corrupted (?:size vs\. prev_size|double-linked list)|malloc: ).*|\*\*\* (?:stack smashing|buffer overflow) detected \*\*\*.*)$/,
    fields: crash('the C library found its memory corrupted'),
  },
  { pattern: /^KVM internal error\. (?<detail>Suberror: \S+)$/, fields: crash('KVM could not go on') },
  { pattern: /^hardware error: (?<detail>.*)$/, fields: crash('a device cannot go on') },
  { pattern: /^fatal: (?<detail>.*)$/, fields: crash('a virtual CPU cannot go on') },
  {
    pattern: /^(?:.*: line \d+: +\d+ )?Segmentation fault(?: +\(core dumped\))?(?:\s.*)?$/,
    fields: crash('it reached for memory that is not there'),
  },
  {
    pattern: /^(?:.*: line \d+: +\d+ )?(?:Aborted|Trace\/breakpoint trap|Bus error)(?: +\(core dumped\))?(?:\s.*)?$/,
    fields: note,
  },
  { pattern: /^(?:={20,}|-{20,}|==\d+==ABORTING)$/, fields: note },
  { pattern: /^#\d+ +0x[\da-f]+ in /, fields: note },
  {
    pattern:
      /^(?:\(\S+:\d+\): )?(?<domain>[\w-]+)-(?:ERROR|CRITICAL) \*\*: (?:[\d:.]+: )?(?<function>\w+): assertion ['‘](?<expression>.*)['’] failed$/,
    fields: ({ function: name, expression }) => ({
      kind: 'assertion',
      function: text(name),
      expression: text(expression),
    }),
  },
];

/** Registers and code of a virtual CPU: "RAX=0000…", "ES =0010 0000…", "NIP 00000000…", "X00=…", "Code=…". */
const cpuDump =
  /^(?:CPU ?#\d+:?$|emulation failure$|extra data\[\d+\]: |(?:Code|Stack)=|PSTATE=|\[?[A-Z][A-Z\d]{0,7} {0,2}= *[\da-f]{2,}|[A-Z][A-Z\d]{0,7}:? +[\da-f]{8,}\b| *[\da-f]{16}(?: |$))/;
const sanitizerEnd = /^(?:==\d+==ABORTING|SUMMARY: |={20,}$)/;
/** A sanitizer tells a few hundred lines at most; what comes after is somebody else's. */
const longestDump = 500;

/** How many of the lines belong to the dump of the crash told before them. */
export function dumpLength(crash: Extract<ErrorFields, { kind: 'crash' }>, lines: Iterable<string>): number {
  const ofSanitizer = crash.detail?.includes('Sanitizer: ') === true;
  let count = 0;
  for (const line of lines) {
    if (count === longestDump) break;
    if (ofSanitizer && sanitizerEnd.test(line)) return count + 1;
    if (!ofSanitizer && !cpuDump.test(line)) break;
    count += 1;
  }
  return count;
}
