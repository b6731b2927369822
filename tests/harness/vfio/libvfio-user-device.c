/*
 * A device on libvfio-user: MSI-X with four vectors at 0x84, as in seed 003, one BAR of memory, DMA, and the migration that this libvfio-user
 * offers. It says "listening" on standard output, and serves one client after the other.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libvfio-user.h"
#include "pci_caps/msix.h"

enum { page = 4096, msix_at = 0x84, vectors = 4 };

static char memory[page];

static ssize_t access_bar(vfu_ctx_t *vfu, char *bytes, size_t count, loff_t offset, bool is_write)
{
    (void)vfu;
    if (offset < 0 || offset > page || count > (size_t)(page - offset)) {
        errno = EINVAL;
        return -1;
    }
    if (is_write)
        memcpy(memory + offset, bytes, count);
    else
        memcpy(bytes, memory + offset, count);
    return count;
}

static int reset(vfu_ctx_t *vfu, vfu_reset_type_t type)
{
    (void)vfu;
    if (type != VFU_RESET_LOST_CONN)
        memset(memory, 0, page);
    return 0;
}

static void mapped(vfu_ctx_t *vfu, vfu_dma_info_t *info)
{
    (void)vfu;
    (void)info;
}

/* The migration is there to be told of in VERSION: its registers are of the older protocol, which nobody here speaks. */
static int enter_state(vfu_ctx_t *vfu, vfu_migr_state_t state)
{
    (void)vfu;
    (void)state;
    return 0;
}

static uint64_t pending_bytes(vfu_ctx_t *vfu)
{
    (void)vfu;
    return 0;
}

static int prepare_state(vfu_ctx_t *vfu, uint64_t *offset, uint64_t *size)
{
    (void)vfu;
    *offset = 0;
    if (size)
        *size = 0;
    return 0;
}

static ssize_t move_state(vfu_ctx_t *vfu, void *bytes, uint64_t count, uint64_t offset)
{
    (void)vfu;
    (void)bytes;
    (void)count;
    (void)offset;
    errno = ENOTSUP;
    return -1;
}

static void set_up(vfu_ctx_t *vfu)
{
    struct msixcap msix = { .hdr = { .id = PCI_CAP_ID_MSIX },
                            .mxc = { .ts = vectors - 1 },
                            .mtab = { .to = 0x100 },
                            .mpba = { .pbao = 0x180 } };
    const vfu_migration_callbacks_t migration = { .version = VFU_MIGR_CALLBACKS_VERS,
                                                  .transition = enter_state,
                                                  .get_pending_bytes = pending_bytes,
                                                  .prepare_data = prepare_state,
                                                  .read_data = move_state,
                                                  .write_data = move_state };
    size_t registers = vfu_get_migr_register_area_size();

    if (vfu_pci_init(vfu, VFU_PCI_TYPE_CONVENTIONAL, PCI_HEADER_TYPE_NORMAL, 0) < 0)
        err(1, "configuration space");
    vfu_pci_set_id(vfu, 0x1b36, 0x0005, 0, 0);
    if (vfu_pci_add_capability(vfu, msix_at, 0, &msix) != msix_at)
        err(1, "MSI-X");
    if (vfu_setup_region(vfu, VFU_PCI_DEV_BAR0_REGION_IDX, page, access_bar, VFU_REGION_FLAG_RW | VFU_REGION_FLAG_MEM,
                         NULL, 0, -1, 0) < 0)
        err(1, "BAR 0");
    if (vfu_setup_region(vfu, VFU_PCI_DEV_MIGR_REGION_IDX, registers + page, NULL, VFU_REGION_FLAG_RW, NULL, 0, -1, 0) < 0 ||
        vfu_setup_device_migration_callbacks(vfu, &migration, registers) < 0)
        err(1, "migration");
    if (vfu_setup_device_nr_irqs(vfu, VFU_DEV_MSIX_IRQ, vectors) < 0 || vfu_setup_device_reset_cb(vfu, reset) < 0 ||
        vfu_setup_device_dma(vfu, mapped, mapped) < 0 || vfu_realize_ctx(vfu) < 0)
        err(1, "device");
}

int main(int count, char **words)
{
    if (count != 2)
        errx(2, "usage: %s SOCKET", words[0]);
    vfu_ctx_t *vfu = vfu_create_ctx(VFU_TRANS_SOCK, words[1], 0, NULL, VFU_DEV_TYPE_PCI);
    if (!vfu)
        err(1, "%s", words[1]);
    set_up(vfu);
    puts("listening");
    fflush(stdout);
    for (;;) {
        /* A client with which no version can be agreed on is refused here, and the next one is welcome. */
        if (vfu_attach_ctx(vfu) < 0)
            continue;
        while (vfu_run_ctx(vfu) >= 0 || errno != ENOTCONN)
            ;
    }
}
