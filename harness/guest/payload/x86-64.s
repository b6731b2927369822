# The payload guest for x86 PCs: from reset to 64-bit mode, then one page of memory after the other, and answers on the first serial port.
# What it says there is described in protocol.ts, what it leaves in memory in walk.ts. x86-64.ts holds its bytes, made by generate.ts.
# It has no interrupt table: whatever faults resets the machine, and it says hello again.

        .equ    ROM, 0xf0000            # where the processor sees the 64 KiB of the image below 1 MiB; this is their end

        # Memory below 640 KiB, all that it uses besides the range that it walks.
        .equ    PML4, 0x1000
        .equ    PDPT, 0x2000
        .equ    DIRECTORIES, 0x3000     # four pages: 4 GiB in pieces of 2 MiB
        .equ    STACK, 0x8000           # downwards
        .equ    STATE, 0x8000           # in %rbp from 64-bit mode on; what follows counts from there
        .equ    FIRST, 0x00             # the walked range: its first address
        .equ    END, 0x08               # and the address behind it
        .equ    VALUE, 0x10             # what the page being written, or else the next one, gets: its number and the round, one store
        .equ    INTERVAL, 0x18          # ticks of the time-stamp counter from the start of one page to that of the next
        .equ    STARTED, 0x20           # the time-stamp counter when the last page was started
        .equ    RUNNING, 0x28           # whether it walks, one byte
        .equ    RECEIVED, 0x29          # bytes of a request that have come
        .equ    REQUEST, 0x30           # opcode, sequence, two arguments, checksum
        .equ    ANSWER, 0x48            # the last one: opcode, sequence, value, checksum

        .equ    REQUEST_BYTES, 19
        .equ    ANSWER_BYTES, 11
        .equ    IDENTITY, 0x0001746977646f67    # "godwit", version 1
        .equ    UNKNOWN, 0xff           # opcode of the answer to an opcode without a meaning

        .equ    COM1, 0x3f8
        .equ    LINE_STATUS, COM1 + 5
        .equ    DATA_READY, 0x01
        .equ    TRANSMITTER_EMPTY, 0x20
        .equ    FW_CFG_SELECTOR, 0x510  # QEMU docs/specs/fw_cfg.rst
        .equ    FW_CFG_RAM_SIZE, 3
        .equ    CONFIG_ADDRESS, 0xcf8
        .equ    CONFIG_DATA, 0xcfc

        .text
# Marked accessed, because the processor could not mark them itself in a ROM.
descriptors:
        .quad   0
        .quad   0x00cf9b000000ffff      # 08: 32-bit code
        .quad   0x00cf93000000ffff      # 10: data
        .quad   0x00af9b000000ffff      # 18: 64-bit code
descriptor_table:
        .word   descriptor_table - descriptors - 1
        .long   descriptors

# Values and registers of the 16550: no interrupts, fastest, 8 bits without parity, FIFOs emptied and on, ready.
uart:
        .byte   0x00, 1,  0x80, 3,  0x01, 0,  0x00, 1,  0x03, 3,  0xc7, 2,  0x03, 4
uart_end:

        .code16
start16:
        cli
        lgdtl   %cs:descriptor_table - ROM
        mov     %cr0, %eax
        or      $1, %al                 # protected mode
        mov     %eax, %cr0
        ljmpl   $0x08, $start32

        .code32
start32:
        mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $STACK, %esp
        cld
        xor     %eax, %eax
        mov     $PML4, %edi
        mov     $(STATE + 0x1000 - PML4) / 4, %ecx
        rep stosl
        movl    $PDPT + 3, PML4
        mov     $DIRECTORIES + 3, %eax
        mov     $PDPT, %edi
        mov     $4, %ecx
1:      mov     %eax, (%edi)
        add     $0x1000, %eax
        add     $8, %edi
        loop    1b
        mov     $0x83, %eax             # present, writable, a large page
        mov     $DIRECTORIES, %edi
2:      mov     %eax, (%edi)
        add     $8, %edi
        add     $0x200000, %eax
        jnc     2b                      # up to 4 GiB
        mov     $PML4, %eax
        mov     %eax, %cr3
        mov     $0x20, %eax             # PAE
        mov     %eax, %cr4
        mov     $0xc0000080, %ecx       # EFER
        rdmsr
        or      $0x100, %eax            # long mode enabled
        wrmsr
        mov     $0x80000011, %eax       # paging; caches on
        mov     %eax, %cr0
        ljmpl   $0x18, $start64

        .code64
start64:
        mov     $STATE, %ebp
        mov     $uart, %esi
        mov     $(uart_end - uart) / 2, %ecx
1:      lodsw
        movzbl  %ah, %edx
        add     $COM1, %edx
        out     %al, %dx
        loop    1b
        mov     $FW_CFG_SELECTOR, %edx
        mov     $FW_CFG_RAM_SIZE, %eax
        out     %ax, %dx
        inc     %edx
        mov     $8, %ecx
2:      in      %dx, %al                # eight bytes, the lowest first
        ror     $8, %rax
        loop    2b
        mov     $0x80000000, %ecx       # above 2 GiB some machine types have a hole
        cmp     %rcx, %rax
        cmova   %rcx, %rax
        and     $-4096, %rax
        mov     %rax, END(%rbp)
        mov     $0x100000, %edi
        call    start_rounds
        call    identify
        movb    $1, ANSWER(%rbp)        # hello: an answer to identify that nobody asked for, its sequence 0
        mov     %rax, ANSWER + 2(%rbp)
        call    send

walk:
        call    poll
        cmpb    $0, RUNNING(%rbp)
        je      1f
        call    time
        mov     %rax, %rcx
        sub     STARTED(%rbp), %rcx
        cmp     INTERVAL(%rbp), %rcx
        jb      1f
        mov     %rax, STARTED(%rbp)
        call    position
        mov     %rax, %rdi
        mov     VALUE(%rbp), %rax
        mov     $512, %ecx
        rep stosq
        mov     %eax, %eax              # the round alone
        cmp     END(%rbp), %rdi
        jb      2f
        inc     %eax
        mov     FIRST(%rbp), %rdi
2:      call    place
        jmp     walk
1:      pause
        jmp     walk

# The walk goes on at the page at %rdi, in round %rax.
start_rounds:
        mov     %rdi, FIRST(%rbp)
        mov     $1, %eax
place:
        mov     %rdi, %rdx
        shl     $20, %rdx
        or      %rdx, %rax
        mov     %rax, VALUE(%rbp)
        ret

# Takes what has come, and answers each request that is whole.
poll:
        mov     $LINE_STATUS, %edx
        in      %dx, %al
        test    $DATA_READY, %al
        jz      done
        mov     $COM1, %edx
        in      %dx, %al
        movzbl  RECEIVED(%rbp), %ecx
        mov     %al, REQUEST(%rbp, %rcx)
        or      %ecx, %eax
        test    %al, %al
        jz      poll                    # a zero where a request could start
        inc     %ecx
        mov     %cl, RECEIVED(%rbp)
        cmp     $REQUEST_BYTES, %cl
        jb      poll
        movb    $0, RECEIVED(%rbp)
        lea     REQUEST(%rbp), %rsi
        dec     %ecx
        call    checksum_byte
        cmp     %al, (%rsi)
        jne     poll
        movzwl  REQUEST(%rbp), %ebx
        cmp     %bh, ANSWER + 1(%rbp)
        je      again                   # executed already: the answer is lost, or both are on their way
        mov     %bx, ANSWER(%rbp)
        movzbl  %bl, %ebx
        cmp     $(commands_end - commands) / 2, %ebx
        jae     unknown
        movzwl  commands(, %rbx, 2), %ebx
        add     $ROM, %ebx
        mov     REQUEST + 2(%rbp), %rdi
        mov     REQUEST + 10(%rbp), %rsi
        xor     %eax, %eax
        call    *%rbx
        mov     %rax, ANSWER + 2(%rbp)
again:
        call    send
        jmp     poll

unknown:
        movb    $UNKNOWN, ANSWER(%rbp)
        jmp     again

send:
        lea     ANSWER(%rbp), %rsi
        mov     $ANSWER_BYTES - 1, %ecx
        call    checksum_byte
        mov     %al, (%rsi)
        lea     ANSWER(%rbp), %rsi
        mov     $ANSWER_BYTES, %ecx
1:      mov     $LINE_STATUS, %edx
2:      in      %dx, %al
        test    $TRANSMITTER_EMPTY, %al
        jz      2b
        mov     $COM1, %edx
        lodsb
        out     %al, %dx
        loop    1b
done:
        ret

# Of the %ecx bytes at %rsi, into %al: all of them in exclusive or, 0xff instead of 0. Leaves %rsi behind them.
checksum_byte:
        xor     %eax, %eax
1:      xor     (%rsi), %al
        inc     %rsi
        loop    1b
        test    %al, %al
        jnz     done
        dec     %eax
        ret

# Commands by their opcodes. They get their arguments in %rdi and %rsi, %rax as 0, and return a value in %rax.
commands:
        .word   unknown_command - ROM
        .word   identify - ROM
        .word   halt_walk - ROM
        .word   resume_walk - ROM
        .word   set_range - ROM
        .word   set_interval - ROM
        .word   rounds - ROM
        .word   position - ROM
        .word   checksum - ROM
        .word   time - ROM
        .word   read_memory_1 - ROM
        .word   read_memory_2 - ROM
        .word   read_memory_4 - ROM
        .word   read_memory_8 - ROM
        .word   write_memory_1 - ROM
        .word   write_memory_2 - ROM
        .word   write_memory_4 - ROM
        .word   write_memory_8 - ROM
        .word   in_1 - ROM              # from here on those that other processors do not have
        .word   in_2 - ROM
        .word   in_4 - ROM
        .word   out_1 - ROM
        .word   out_2 - ROM
        .word   out_4 - ROM
        .word   read_configuration_1 - ROM
        .word   read_configuration_2 - ROM
        .word   read_configuration_4 - ROM
        .word   write_configuration_1 - ROM
        .word   write_configuration_2 - ROM
        .word   write_configuration_4 - ROM
commands_end:

unknown_command:
        movb    $UNKNOWN, ANSWER(%rbp)
        ret

identify:
        movabs  $IDENTITY, %rax
        ret

halt_walk:
        movb    $0, RUNNING(%rbp)
rounds:
        mov     VALUE(%rbp), %eax
        dec     %eax
        ret

resume_walk:
        movb    $1, RUNNING(%rbp)
        ret

set_range:
        call    start_rounds
        mov     %rsi, %rcx
        shr     $3, %rcx
        xor     %eax, %eax
        rep stosq
        mov     %rdi, END(%rbp)
        ret

set_interval:
        mov     %rdi, INTERVAL(%rbp)
        ret

position:
        mov     VALUE(%rbp), %rax
        shr     $20, %rax
        and     $-4096, %rax
        ret

# Of the words of 32 bits: their sum in the lower half, the sum of all sums up to each word in the upper.
checksum:
        mov     %rsi, %rcx
        mov     %rdi, %rsi
        xor     %ebx, %ebx
        xor     %edx, %edx
        shr     $2, %rcx
        jz      2f
1:      lodsl
        add     %eax, %ebx
        add     %ebx, %edx
        loop    1b
2:      mov     %rdx, %rax
        shl     $32, %rax
        or      %rbx, %rax
        ret

time:
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        ret

read_memory_1:
        mov     (%rdi), %al
        ret
read_memory_2:
        mov     (%rdi), %ax
        ret
read_memory_4:
        mov     (%rdi), %eax
        ret
read_memory_8:
        mov     (%rdi), %rax
        ret
write_memory_1:
        mov     %sil, (%rdi)
        ret
write_memory_2:
        mov     %si, (%rdi)
        ret
write_memory_4:
        mov     %esi, (%rdi)
        ret
write_memory_8:
        mov     %rsi, (%rdi)
        ret

in_1:
        mov     %edi, %edx
        in      %dx, %al
        ret
in_2:
        mov     %edi, %edx
        in      %dx, %ax
        ret
in_4:
        mov     %edi, %edx
        in      %dx, %eax
        ret
out_1:
        mov     %edi, %edx
        mov     %esi, %eax
        out     %al, %dx
        ret
out_2:
        mov     %edi, %edx
        mov     %esi, %eax
        out     %ax, %dx
        ret
out_4:
        mov     %edi, %edx
        mov     %esi, %eax
        out     %eax, %dx
        ret

read_configuration_1:
        call    select
        jmp     in_1
read_configuration_2:
        call    select
        jmp     in_2
read_configuration_4:
        call    select
        jmp     in_4
write_configuration_1:
        call    select
        jmp     out_1
write_configuration_2:
        call    select
        jmp     out_2
write_configuration_4:
        call    select
        jmp     out_4

# Selects the register whose address is in %edi, and leaves there the port that leads to its first byte.
select:
        mov     $CONFIG_ADDRESS, %edx
        mov     %edi, %eax
        and     $-4, %eax
        out     %eax, %dx
        and     $3, %edi
        or      $CONFIG_DATA, %edi
        xor     %eax, %eax
        ret

        .code16
        .org    0x3f0                   # where the processor starts: 16 bytes before the end
reset:
        ljmpw   $ROM >> 4, $start16 - ROM
        .org    0x400
