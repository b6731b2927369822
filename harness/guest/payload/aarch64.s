// The payload guest for virt machines of arm64: one page of memory after the other, and answers on the PL011. What it says there is described
// in protocol.ts, what it leaves in memory in walk.ts. aarch64.ts holds its bytes, made by generate.ts. It runs in the machine's first flash,
// at address 0, and maps memory one to one: unaligned accesses need that.
// How much RAM there is it is told. Whatever faults resets the machine, and it says hello again.

        .equ    RAM, 0x40000000         // QEMU hw/arm/virt.c, base_memmap; the device tree that lies there is not needed
        .equ    UART, 0x09000000

        // The first 36 KiB of RAM, all that it uses besides the range that it walks.
        .equ    TABLE, RAM + 0x1000     // 512 GiB in pieces of 1 GiB
        .equ    STATE, RAM + 0x8000     // in x19; what follows counts from there. The stack is not used
        .equ    STATE_END, RAM + 0x9000
        .equ    FIRST, 0x00             // the walked range: its first address
        .equ    END, 0x08               // and the address behind it
        .equ    VALUE, 0x10             // what the page being written, or else the next one, gets: its number and the round, one store
        .equ    INTERVAL, 0x18          // ticks of the virtual counter from the start of one page to that of the next
        .equ    STARTED, 0x20           // the virtual counter when the last page was started
        .equ    RUNNING, 0x28           // whether it walks, one byte
        .equ    RECEIVED, 0x29          // bytes of a request that have come
        .equ    REQUEST, 0x30           // opcode, sequence, two arguments, checksum
        .equ    ANSWER, 0x48            // the last one: opcode, sequence, value, checksum

        .equ    REQUEST_BYTES, 19
        .equ    ANSWER_BYTES, 11
        .equ    UNKNOWN, 0xff           // opcode of the answer to an opcode without a meaning
        .equ    COMMANDS, 19

        // PL011, by offset and bit.
        .equ    DATA, 0x00
        .equ    FLAGS, 0x18
        .equ    RECEIVE_EMPTY, 4
        .equ    TRANSMIT_FULL, 5
        .equ    LINE_CONTROL, 0x2c
        .equ    CONTROL, 0x30

        .equ    DEVICE, 0x401           // of a table: a block, accessed, the first kind of memory in MAIR
        .equ    NORMAL, 0x705           // the same, inner shareable, the second kind

        .macro  load register, value
        movz    \register, #(\value) & 0xffff
        movk    \register, #((\value) >> 16) & 0xffff, lsl #16
        .endm

        .text
reset:
        load    x19, STATE
        load    x20, TABLE
        load    x21, UART
        load    x1, STATE_END
        mov     x0, x20
1:      str     xzr, [x0], #8
        cmp     x0, x1
        b.lo    1b
        mov     x0, x20
        mov     x1, #0
        mov     x2, #DEVICE
        mov     x3, #NORMAL
        mov     x5, #1 << 30
2:      lsr     x4, x1, #30
        sub     x4, x4, #1
        cmp     x4, #255                // RAM from 1 GiB to 256 GiB, devices below and above
        csel    x4, x3, x2, lo
        orr     x4, x4, x1
        str     x4, [x0], #8
        add     x1, x1, x5
        tbz     x1, #39, 2b
        msr     vbar_el1, xzr
        mov     x0, #0xff00             // devices without any liberty; write-back
        msr     mair_el1, x0
        load    x0, 0x00803519          // 39 bits of address, tables in write-back memory, the lower half alone
        orr     x0, x0, #2 << 32        // to 40 bits
        msr     tcr_el1, x0
        msr     ttbr0_el1, x20
        tlbi    vmalle1
        dsb     sy
        isb
        mrs     x0, sctlr_el1
        mov     x1, #0x1005             // translation, caches
        orr     x0, x0, x1
        bic     x0, x0, #2              // unaligned accesses
        msr     sctlr_el1, x0
        isb
        mov     w0, #0x70               // 8 bits without parity, FIFOs
        str     w0, [x21, #LINE_CONTROL]
        mov     w0, #0x301              // on, both ways
        str     w0, [x21, #CONTROL]
        b       start

        .org    0x200                   // exceptions: synchronous, IRQ, FIQ, SError
        b       fault
        .org    0x280
        b       fault
        .org    0x300
        b       fault
        .org    0x380
fault:
        load    x0, 0x84000009          // PSCI: SYSTEM_RESET
        hvc     #0
        b       fault

start:
        bl      identify
        mov     w1, #1                  // hello: an answer to identify that nobody asked for, its sequence 0
        strb    w1, [x19, #ANSWER]
        stur    x0, [x19, #ANSWER + 2]
        bl      send

walk:
        bl      poll
        ldrb    w0, [x19, #RUNNING]
        cbz     w0, 1f
        bl      time
        ldr     x1, [x19, #STARTED]
        ldr     x2, [x19, #INTERVAL]
        sub     x1, x0, x1
        cmp     x1, x2
        b.lo    1f
        str     x0, [x19, #STARTED]
        bl      position
        ldr     x2, [x19, #VALUE]
        add     x3, x0, #4096
2:      str     x2, [x0], #8
        cmp     x0, x3
        b.lo    2b
        mov     x1, x0
        mov     w2, w2                  // the round alone
        ldr     x0, [x19, #END]
        cmp     x1, x0
        b.lo    3f
        add     w2, w2, #1
        ldr     x1, [x19, #FIRST]
3:      bl      place
        b       walk
1:      yield
        b       walk

// The walk goes on at the page at x1, in round x2.
start_rounds:
        str     x1, [x19, #FIRST]
        mov     x2, #1
place:
        orr     x2, x2, x1, lsl #20
        str     x2, [x19, #VALUE]
        ret

// Takes what has come, and answers each request that is whole.
poll:
        mov     x28, x30
1:      ldr     w0, [x21, #FLAGS]
        tbnz    w0, #RECEIVE_EMPTY, 2f
        ldr     w0, [x21, #DATA]
        and     w0, w0, #0xff
        ldrb    w1, [x19, #RECEIVED]
        add     x3, x19, #REQUEST
        strb    w0, [x3, x1]
        orr     w0, w0, w1
        cbz     w0, 1b                  // a zero where a request could start
        add     w1, w1, #1
        strb    w1, [x19, #RECEIVED]
        cmp     w1, #REQUEST_BYTES
        b.lo    1b
        strb    wzr, [x19, #RECEIVED]
        mov     w4, #REQUEST_BYTES - 1
        bl      checksum_byte
        ldrb    w1, [x3]
        cmp     w0, w1
        b.ne    1b
        ldrb    w3, [x19, #REQUEST]
        ldrb    w4, [x19, #REQUEST + 1]
        ldrb    w5, [x19, #ANSWER + 1]
        cmp     w4, w5
        b.eq    3f                      // executed already: the answer is lost, or both are on their way
        strb    w3, [x19, #ANSWER]
        strb    w4, [x19, #ANSWER + 1]
        cmp     w3, #COMMANDS
        b.hs    4f
        adr     x4, commands
        ldrh    w4, [x4, w3, uxtw #1]
        ldur    x1, [x19, #REQUEST + 2]
        ldur    x2, [x19, #REQUEST + 10]
        mov     x0, #0
        blr     x4
        stur    x0, [x19, #ANSWER + 2]
3:      bl      send
        b       1b
4:      bl      unknown_command
        b       3b
2:      ret     x28

send:
        mov     x27, x30
        add     x3, x19, #ANSWER
        mov     w4, #ANSWER_BYTES - 1
        bl      checksum_byte
        strb    w0, [x3]
        add     x3, x19, #ANSWER
        mov     w4, #ANSWER_BYTES
1:      ldr     w0, [x21, #FLAGS]
        tbnz    w0, #TRANSMIT_FULL, 1b
        ldrb    w0, [x3], #1
        str     w0, [x21, #DATA]
        subs    w4, w4, #1
        b.ne    1b
        ret     x27

// Of the w4 bytes at x3, in w0: all of them in exclusive or, 0xff instead of 0. Leaves x3 behind them.
checksum_byte:
        mov     w0, #0
1:      ldrb    w1, [x3], #1
        eor     w0, w0, w1
        subs    w4, w4, #1
        b.ne    1b
        cbnz    w0, 2f
        mov     w0, #0xff
2:      ret

// Commands by their opcodes. They get their arguments in x1 and x2, x0 as 0, and return a value in x0.
commands:
        .hword  unknown_command - reset
        .hword  identify - reset
        .hword  halt_walk - reset
        .hword  resume_walk - reset
        .hword  set_range - reset
        .hword  set_interval - reset
        .hword  rounds - reset
        .hword  position - reset
        .hword  checksum - reset
        .hword  time - reset
        .hword  read_memory_1 - reset
        .hword  read_memory_2 - reset
        .hword  read_memory_4 - reset
        .hword  read_memory_8 - reset
        .hword  write_memory_1 - reset
        .hword  write_memory_2 - reset
        .hword  write_memory_4 - reset
        .hword  write_memory_8 - reset
        .hword  begin - reset           // from here on those that other processors do not have
        .if     . - commands - 2 * COMMANDS
        .error  "COMMANDS is not the number of commands"
        .endif
        .balign 4

unknown_command:
        mov     w1, #UNKNOWN
        strb    w1, [x19, #ANSWER]
        ret

identify:
        load    x0, 0x77646f67          // "godwit", version 1
        movk    x0, #0x7469, lsl #32
        movk    x0, #0x0001, lsl #48
        ret

halt_walk:
        strb    wzr, [x19, #RUNNING]
rounds:
        ldr     w0, [x19, #VALUE]
        sub     w0, w0, #1
        ret

resume_walk:
        mov     w1, #1
        strb    w1, [x19, #RUNNING]
        ret

set_range:
        add     x3, x1, x2
        str     x3, [x19, #END]
        mov     x4, x1
1:      cmp     x4, x3
        b.hs    start_rounds
        str     xzr, [x4], #8
        b       1b
begin:
        add     x3, x1, x2
        str     x3, [x19, #END]
        b       start_rounds

set_interval:
        str     x1, [x19, #INTERVAL]
        ret

position:
        ldr     x0, [x19, #VALUE]
        lsr     x0, x0, #20
        and     x0, x0, #-4096
        ret

// Of the words of 32 bits: their sum in the lower half, the sum of all sums up to each word in the upper.
checksum:
        mov     w3, #0
        lsr     x2, x2, #2
        cbz     x2, 2f
1:      ldr     w4, [x1], #4
        add     w3, w3, w4
        add     w0, w0, w3
        subs    x2, x2, #1
        b.ne    1b
2:      orr     x0, x3, x0, lsl #32
        ret

time:
        isb
        mrs     x0, cntvct_el0
        ret

read_memory_1:
        ldrb    w0, [x1]
        ret
read_memory_2:
        ldrh    w0, [x1]
        ret
read_memory_4:
        ldr     w0, [x1]
        ret
read_memory_8:
        ldr     x0, [x1]
        ret
write_memory_1:
        strb    w2, [x1]
        ret
write_memory_2:
        strh    w2, [x1]
        ret
write_memory_4:
        str     w2, [x1]
        ret
write_memory_8:
        str     x2, [x1]
        ret
