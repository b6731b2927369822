import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { diagnose } from '../../../harness/diagnosis/diagnose.js';
import { parseErrorLines } from '../../../harness/diagnosis/error-lines.js';

const pasted = (name: string): string => readFileSync(new URL(`pasted/${name}.txt`, import.meta.url), 'utf8');
/** The registers are those of a real QEMU 7.2, printed by its monitor in the form that this dump has. */
const kvmDump = pasted('kvm-internal-error');
/** QEMU 7.2 with -M lm3s6965evb and no kernel. */
const lockup = pasted('lockup');
const sanitizer = `=================================================================
==4242==ERROR: AddressSanitizer: heap-use-after-free on address 0x60d0000012a0 at pc 0x55d4 bp 0x7ffc sp 0x7ffb
READ of size 8 at 0x60d0000012a0 thread T0
    #0 0x55d4c0 in virtio_load ../hw/virtio/virtio.c:3300:9
    #1 0x55d4c1 in vmstate_load ../migration/savevm.c:950

0x60d0000012a0 is located 0 bytes inside of 136-byte region
SUMMARY: AddressSanitizer: heap-use-after-free ../hw/virtio/virtio.c:3300:9 in virtio_load
==4242==ABORTING
`;

/** What each text is told as: kind, and its sentence. */
const crashes: [log: string, kind: string, summary: RegExp][] = [
  [sanitizer, 'crash', /^QEMU crashed, a sanitizer found an error: AddressSanitizer: heap-use-after-free on address/],
  ['../hw/pci/pci.c:12:3: runtime error: index 9 out of bounds', 'crash', /a sanitizer found an error: \.\.\/hw\/pci/],
  ['free(): invalid pointer\nAborted (core dumped)', 'crash', /the C library found its memory corrupted: free\(\)/],
  ['*** stack smashing detected ***: terminated', 'crash', /stack smashing/],
  [
    './run.sh: line 3:  4242 Segmentation fault      (core dumped) qemu-system-x86_64 -S',
    'crash',
    /memory that is not there/,
  ],
  [
    'qemu: hardware error: pl011_read: Bad offset 0x1000\nCPU #0:\nPC=0000000040000000 X00=0000000000000001',
    'crash',
    /pl011_read/,
  ],
  [
    "(process:7): GLib-CRITICAL **: 10:00:00.123: g_hash_table_foreach: assertion 'version == 1' failed",
    'assertion',
    /version == 1/,
  ],
  [kvmDump, 'crash', /^QEMU crashed, KVM could not go on: Suberror: 1$/],
  [lockup.replace(/^Timer.*\n/, ''), 'crash', /^QEMU crashed, a virtual CPU cannot go on: Lockup/],
  ['Aborted (core dumped)', 'crash-note', /^QEMU crashed: Aborted/],
];

// 1. Each way in which a QEMU ends by its own fault is one finding, and the lines of its dump belong to it.
// 2. What is printed after a dump is read as ever.
describe('crashes', () => {
  for (const [log, kind, summary] of crashes) {
    it(`tells ${log.replaceAll('\n', ' ').slice(0, 60)}`, () => {
      const findings = diagnose('destination', log);
      expect(findings.map((finding) => finding.kind)).to.deep.equal([kind]);
      expect(findings[0]?.summary).to.match(summary);
    });
  }

  it('ends a dump where its lines end', () => {
    const after = 'qemu-system-x86_64: Missing section footer for hpet\n';
    for (const dump of [kvmDump, sanitizer, lockup.replace(/^Timer.*\n/, '')]) {
      const kinds = parseErrorLines(dump + after).map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind !== 'crash-note')).to.deep.equal(['crash', 'missing-section-footer']);
      expect(diagnose('destination', dump + after).map(({ kind }) => kind)).to.deep.equal([
        'crash',
        'missing-section-footer',
      ]);
    }
  });

  it('takes no line for a dump that follows no crash', () => {
    const [line] = parseErrorLines('RAX=0000000000000000 RBX=0000000000000000');
    expect(line?.kind).to.equal('undiagnosed');
  });
});
