/**
 * A guest for one question: do ordinary instructions run here? It goes from reset to 64-bit mode with paging, works with memory, stack
 * and SSE2, and writes 'G' to the first serial port. Less does not tell: real-mode code runs under a KVM that cannot run any system.
 */
export const sign = 'G';

const romBytes = 0x10000;
const tables = 0xfe00;
const code = 0xfe40;
const reset = 0xfff0;

/** Descriptors are marked accessed, because the processor could not mark them itself in a ROM. Then follow limit and base for lgdt. */
const descriptors = `
  0000000000000000
  ffff0000009bcf00   08: 32-bit code
  ffff00000093cf00   10: data
  ffff0000009baf00   18: 64-bit code
  1f00 00fe0f00
`;

/** Machine code, an instruction a line. The ROM lies at 0xf0000. */
const instructions = `
  fa                     cli
  2e660f011620fe         lgdt %cs:0xfe20
  0f20c0                 mov %cr0, %eax
  6683c801               or $1, %eax                protected mode
  0f22c0                 mov %eax, %cr0
  66ea5afe0f000800       ljmp $8, $0xffe5a
  b810000000             mov $0x10, %eax
  8ed8                   mov %eax, %ds
  8ed0                   mov %eax, %ss
  bc00800000             mov $0x8000, %esp
  c7050010000003200000   movl $0x2003, 0x1000       page tables: the first 2 MiB, as they are
  c7050020000003300000   movl $0x3003, 0x2000
  c7050030000083000000   movl $0x83, 0x3000
  b800100000             mov $0x1000, %eax
  0f22d8                 mov %eax, %cr3
  b820060000             mov $0x620, %eax           PAE, and SSE allowed
  0f22e0                 mov %eax, %cr4
  b9800000c0             mov $0xc0000080, %ecx
  b800010000             mov $0x100, %eax           long mode enabled
  31d2                   xor %edx, %edx
  0f30                   wrmsr
  0f20c0                 mov %cr0, %eax
  0d00000080             or $0x80000000, %eax       paging
  0f22c0                 mov %eax, %cr0
  eab6fe0f001800         ljmp $0x18, $0xffeb6
  b9e8030000             mov $1000, %ecx
  66480f6ec1             movq %rcx, %xmm0
  660fd6042500400000     movq %xmm0, 0x4000
  51                     push %rcx
  58                     pop %rax
  483b042500400000       cmp 0x4000, %rax
  7509                   jne to the halt
  e2e4                   loop to the movq
  66baf803               mov $0x3f8, %dx
  b047                   mov $'G', %al
  ee                     out %al, %dx
  f4                     hlt
  ebfd                   jmp to the halt
`;

const firstInstruction = 'ea40fe00f0             ljmp $0xf000, $0xfe40';

/** The ROM image for `-bios`, for any x86 machine type with a serial port. */
export function acceleratorGuest(): Buffer {
  const rom = Buffer.alloc(romBytes);
  bytesOf(descriptors).copy(rom, tables);
  bytesOf(instructions).copy(rom, code);
  bytesOf(firstInstruction).copy(rom, reset);
  return rom;
}

/** The hexadecimal words at the start of each line; comments stand apart by at least two spaces. */
function bytesOf(listing: string): Buffer {
  const words = listing.split('\n').map((line) => line.trim().split(/\s{2,}/)[0] ?? '');
  return Buffer.from(words.join('').replaceAll(' ', ''), 'hex');
}
