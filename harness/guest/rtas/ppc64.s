# The RTAS guest for pseries machines: reads frames from the first virtual terminal, issues the RTAS call that is in them, and answers. What a
# frame is, frame.ts describes. ppc64.ts holds its bytes, made by ../payload/generate.ts.
# QEMU loads it as firmware at address 0 and starts the processor at 0x100, big-endian, without translation, with the address of the device
# tree in %r3 (hw/ppc/spapr.c, spapr_machine_reset()); in 64-bit mode in 5.2.0, in 32-bit mode in 7.2.22, which makes no difference here.
# A hypercall that fails ends in the loop at the end: the guest is silent then.

        .equ    ANSWER, 0x4000          # the last answer: a frame
        .equ    REQUEST, 0x4100         # the frame that is coming in

        .equ    FRAME, 80               # bytes: magic, sequence, 16 words of the RTAS argument buffer, status, checksum
        .equ    SEQUENCE, 4
        .equ    ARGUMENTS, 8
        .equ    STATUS, 72
        .equ    CHECKSUM, 76

        .equ    MAGIC, 0x52544173       # "RTAs"
        .equ    VTERM, 0x71000000       # the first terminal (hw/ppc/spapr_vio.c, SPAPR_VIO_REG_BASE)
        .equ    H_GET_TERM_CHAR, 0x54   # Power Architecture Platform Reference, 14.5.4
        .equ    H_PUT_TERM_CHAR, 0x58
        .equ    H_RTAS, 0xf000          # QEMU's own (hw/ppc/spapr_hcall.c, h_rtas())

        .text
start:                                  # at 0x100
        li      %r20, ANSWER
        li      %r21, REQUEST
        li      %r22, 0                 # bytes of the request that have come
        lis     %r23, MAGIC@h
        ori     %r23, %r23, MAGIC@l
        lis     %r24, VTERM@h
        stw     %r23, 0(%r20)
        stw     %r3, ARGUMENTS(%r20)    # says hello with sequence 0 and the address of the device tree
        bl      send

poll:
        li      %r3, H_GET_TERM_CHAR
        mr      %r4, %r24
        sc      1
        cmpdi   %r3, 0
        bne     dead
        cmpdi   %r4, 0                  # how many bytes came; they are in %r5 and %r6
        beq     poll
        add     %r7, %r21, %r22
        std     %r5, 0(%r7)
        std     %r6, 8(%r7)
        add     %r22, %r22, %r4

# A frame begins with its magic: what does not is passed over, byte by byte.
look:
        cmpdi   %r22, FRAME
        blt     poll
        lwz     %r5, 0(%r21)
        cmplw   %r5, %r23
        bne     skip
        mr      %r3, %r21
        bl      sum
        lwz     %r5, CHECKSUM(%r21)
        cmplw   %r4, %r5
        bne     skip
        lwz     %r5, SEQUENCE(%r21)
        lwz     %r6, SEQUENCE(%r20)
        cmplw   %r5, %r6
        beq     again                   # its answer was lost: it is sent once more, and nothing is done twice

        li      %r7, FRAME / 4
        mtctr   %r7
        addi    %r5, %r21, -4
        addi    %r6, %r20, -4
1:      lwzu    %r7, 4(%r5)
        stwu    %r7, 4(%r6)
        bdnz    1b
        li      %r3, H_RTAS & 0x7fff    # a signed half word could not hold it
        ori     %r3, %r3, H_RTAS & 0x8000
        addi    %r4, %r20, ARGUMENTS
        sc      1
        stw     %r3, STATUS(%r20)
again:
        bl      send
        li      %r9, FRAME
        b       drop
skip:
        li      %r9, 1

# Takes %r9 bytes from the front of what has come. No more than 16 bytes lie behind a frame.
drop:
        subf    %r22, %r9, %r22
        add     %r5, %r21, %r9
        addi    %r5, %r5, -1
        addi    %r6, %r21, -1
        li      %r7, FRAME + 16
        mtctr   %r7
1:      lbzu    %r7, 1(%r5)
        stbu    %r7, 1(%r6)
        bdnz    1b
        b       look

# Sends the answer, 16 bytes a call.
send:
        mflr    %r27
        mr      %r3, %r20
        bl      sum
        stw     %r4, CHECKSUM(%r20)
        mr      %r25, %r20
        li      %r26, FRAME / 16
1:      ld      %r6, 0(%r25)
        ld      %r7, 8(%r25)
        li      %r3, H_PUT_TERM_CHAR
        mr      %r4, %r24
        li      %r5, 16
        sc      1
        cmpdi   %r3, 0
        bne     dead
        addi    %r25, %r25, 16
        addi    %r26, %r26, -1
        cmpdi   %r26, 0
        bne     1b
        mtlr    %r27
        blr

# Of the frame at %r3, into %r4: all of its words before the checksum, added to a number that zeroes do not have.
sum:
        li      %r4, 0x7a5
        li      %r5, CHECKSUM / 4
        mtctr   %r5
        addi    %r3, %r3, -4
1:      lwzu    %r5, 4(%r3)
        add     %r4, %r4, %r5
        bdnz    1b
        blr

dead:
        b       dead
