/*
 * A stand-in for the kernel's VFIO, preloaded into QEMU: one PCI device in one group in one container, without root and without
 * /dev/vfio. Its configuration space is given in the environment; without that, every call goes on to the kernel.
 *
 * It speaks both of the kernel's migration protocols, each QEMU asking for the one it knows: version 1, a region of the device (QEMU up
 * to 7.2), and version 2, VFIO_DEVICE_FEATURE with file descriptors (from 8.0 on). The device's state is its registers, the first page
 * of BAR 0. Nothing ever becomes dirty, nothing interrupts, no BAR can be mapped; PRE_COPY, P2P and iommufd are not offered.
 *
 * It is linked against nothing, so that one file loads into programs of every C library: what it takes from there has no version.
 */
#include <linux/fcntl.h>
#include <linux/kvm.h>
#include <linux/memfd.h>
#include <linux/vfio.h>
#include <asm/unistd.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

long syscall(long number, ...);
char *getenv(const char *name);
void *memcpy(void *to, const void *from, size_t bytes);

/* Numbers of <linux/vfio.h> that some versions of it lack or name differently. */
enum {
    migration_region_type = 3,
    migration_region_subtype = 1,
    v1_running = 1,
    v1_saving = 2,
    v1_resuming = 4,
    feature_migration = 1,
    feature_device_state = 2,
    feature_logging_start = 6,
    feature_logging_stop = 7,
    feature_logging_report = 8,
    feature_data_size = 9,
    migration_stop_copy = 1,
    v2_running = 2,
    v2_stop_copy = 3,
    v2_resuming = 4,
    info_cap_migration = 2,
};

enum kind { nothing, container, group, device, kvm_vfio };
enum { most_files = 4096, config_bytes = 256, bar_bytes = 0x4000, state_bytes = 0x1000 };
enum { migration_region = VFIO_PCI_NUM_REGIONS, data_offset = 0x1000, region_shift = 40, vectors = 3 };
enum { v2_stop = 1, most_bitmap_bytes = 1 << 20 };

/* Version 1: the registers at the start of the migration region. */
struct v1_registers {
    uint32_t device_state, reserved;
    uint64_t pending_bytes, data_offset, data_size;
};

/* Version 2: the state that the device is to go to, and the file of its data that it answers with. */
struct v2_wish {
    uint32_t state;
    int32_t data_fd;
};

static unsigned char kinds[most_files];
static unsigned char config[config_bytes];
static unsigned char bar[bar_bytes];
static struct {
    uint32_t state;
    int taken;
    unsigned char data[state_bytes];
} v1 = { .state = v1_running };
static struct {
    uint32_t state;
    int incoming;
} v2 = { .state = v2_running, .incoming = -1 };

static long fail(int error)
{
    errno = error;
    return -1;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* True when the environment describes the device; its configuration space begins as it says. */
static int described(void)
{
    static int done;
    const char *text = getenv("GODWIT_VFIO_CONFIG");
    if (done)
        return 1;
    for (int n = 0; n < config_bytes; n++) {
        int high = text ? hex_digit(text[2 * n]) : -1;
        int low = high < 0 ? -1 : hex_digit(text[2 * n + 1]);
        if (low < 0)
            return 0;
        config[n] = high << 4 | low;
    }
    return done = 1;
}

static enum kind kind_of(int fd)
{
    return fd >= 0 && fd < most_files ? kinds[fd] : nothing;
}

/* A file descriptor of that kind: closing, polling and passing it on work as with any other. */
static long new_file(enum kind kind)
{
    long fd = syscall(__NR_memfd_create, "vfio", (long)MFD_CLOEXEC);
    if (fd >= most_files) {
        syscall(__NR_close, fd);
        return fail(EMFILE);
    }
    if (fd >= 0)
        kinds[fd] = kind;
    return fd;
}

/* Bits of configuration space that the device itself lets a guest write; the rest is QEMU's to emulate. */
static unsigned char writable(unsigned at)
{
    switch (at) {
    case 0x04: return 0x46;
    case 0x05: return 0x05;
    case 0x0c: case 0x3c: return 0xff;
    case 0x63: return 0xc0; /* MSI-X Message Control: MSI-X Enable, Function Mask */
    default: return 0;
    }
}

static void v1_set_state(uint32_t state)
{
    v1.state = state;
    v1.taken = 0;
    if (state == v1_saving)
        memcpy(v1.data, bar, state_bytes);
}

static void v1_read(void *to, size_t count, uint64_t at)
{
    int waiting = v1.state == v1_saving && !v1.taken;
    struct v1_registers now = {
        .device_state = v1.state,
        .pending_bytes = waiting ? state_bytes : 0,
        .data_offset = data_offset,
        .data_size = waiting ? state_bytes : 0,
    };
    if (at >= data_offset && at + count <= data_offset + state_bytes)
        memcpy(to, v1.data + at - data_offset, count);
    else if (at + count <= sizeof(now))
        memcpy(to, (char *)&now + at, count);
    /* Whoever knows the size takes the data before asking what is pending. */
    if (at == offsetof(struct v1_registers, data_size))
        v1.taken = 1;
}

static void v1_write(const void *from, size_t count, uint64_t at)
{
    uint32_t state;
    if (at >= data_offset && at + count <= data_offset + state_bytes) {
        memcpy(v1.data + at - data_offset, from, count);
    } else if (at == 0 && count == sizeof(state)) {
        memcpy(&state, from, count);
        v1_set_state(state);
    } else if (at == offsetof(struct v1_registers, data_size) && v1.state == v1_resuming) {
        memcpy(bar, v1.data, state_bytes);
    }
}

static long device_read(void *to, size_t count, uint64_t offset)
{
    uint64_t at = offset & ((1ull << region_shift) - 1);
    switch (offset >> region_shift) {
    case VFIO_PCI_CONFIG_REGION_INDEX:
        if (at + count > config_bytes)
            return fail(EINVAL);
        memcpy(to, config + at, count);
        return count;
    case VFIO_PCI_BAR0_REGION_INDEX:
        if (at + count > bar_bytes)
            return fail(EINVAL);
        memcpy(to, bar + at, count);
        return count;
    case migration_region:
        v1_read(to, count, at);
        return count;
    default:
        return fail(EINVAL);
    }
}

static long device_write(const unsigned char *from, size_t count, uint64_t offset)
{
    uint64_t at = offset & ((1ull << region_shift) - 1);
    switch (offset >> region_shift) {
    case VFIO_PCI_CONFIG_REGION_INDEX:
        for (size_t n = 0; n < count && at + n < config_bytes; n++)
            config[at + n] = (config[at + n] & ~writable(at + n)) | (from[n] & writable(at + n));
        return count;
    case VFIO_PCI_BAR0_REGION_INDEX:
        if (at + count > bar_bytes)
            return fail(EINVAL);
        memcpy(bar + at, from, count);
        return count;
    case migration_region:
        v1_write(from, count, at);
        return count;
    default:
        return fail(EINVAL);
    }
}

/* Copies what the caller has room for; a caller with less asks again with what it learns from argsz. */
static void answer(void *arg, uint32_t argsz, const void *whole, size_t bytes)
{
    memcpy(arg, whole, argsz < bytes ? argsz : bytes);
    *(uint32_t *)arg = bytes;
}

static long region_info(struct vfio_region_info *arg)
{
    struct {
        struct vfio_region_info info;
        struct vfio_region_info_cap_type type;
    } whole = { .info = { .index = arg->index, .offset = (uint64_t)arg->index << region_shift } };
    size_t bytes = sizeof(whole.info);

    if (arg->index > migration_region)
        return fail(EINVAL);
    whole.info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    if (arg->index == VFIO_PCI_CONFIG_REGION_INDEX) {
        whole.info.size = config_bytes;
    } else if (arg->index == VFIO_PCI_BAR0_REGION_INDEX) {
        whole.info.size = bar_bytes;
    } else if (arg->index == migration_region) {
        whole.info.size = data_offset + state_bytes;
        whole.info.flags |= VFIO_REGION_INFO_FLAG_CAPS;
        whole.info.cap_offset = sizeof(whole.info);
        whole.type.header.id = VFIO_REGION_INFO_CAP_TYPE;
        whole.type.header.version = 1;
        whole.type.type = migration_region_type;
        whole.type.subtype = migration_region_subtype;
        bytes = sizeof(whole);
    } else {
        whole.info.flags = 0;
    }
    answer(arg, arg->argsz, &whole, bytes);
    return 0;
}

static long irq_info(struct vfio_irq_info *arg)
{
    if (arg->index > VFIO_PCI_MSIX_IRQ_INDEX)
        return fail(EINVAL);
    arg->flags = arg->index == VFIO_PCI_MSIX_IRQ_INDEX ? VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE : 0;
    arg->count = arg->index == VFIO_PCI_MSIX_IRQ_INDEX ? vectors : 0;
    return 0;
}

static void close_incoming(void)
{
    if (v2.incoming >= 0)
        syscall(__NR_close, v2.incoming);
    v2.incoming = -1;
}

/* Gives the state a file of its own, which the caller reads or writes; of one that is written, a second descriptor is kept. */
static long v2_set_state(struct v2_wish *wish)
{
    long fd = -1;
    if (v2.state == v2_resuming)
        syscall(__NR_pread64, v2.incoming, bar, (size_t)state_bytes, (uint64_t)0);
    close_incoming();
    if (wish->state == v2_stop_copy || wish->state == v2_resuming) {
        fd = syscall(__NR_memfd_create, "vfio-data", (long)MFD_CLOEXEC);
        if (fd < 0)
            return -1;
    } else if (wish->state != v2_running && wish->state != v2_stop) {
        return fail(EINVAL);
    }
    if (wish->state == v2_stop_copy)
        syscall(__NR_pwrite64, fd, bar, (size_t)state_bytes, (uint64_t)0);
    else if (wish->state == v2_resuming)
        v2.incoming = syscall(__NR_fcntl, fd, (long)F_DUPFD_CLOEXEC, 0L);
    v2.state = wish->state;
    wish->data_fd = fd;
    return 0;
}

static long feature(struct vfio_device_feature *arg)
{
    uint32_t number = arg->flags & VFIO_DEVICE_FEATURE_MASK;
    void *data = arg->data;

    if (number != feature_migration && (number < feature_device_state || number > feature_data_size))
        return fail(ENOTTY);
    if (number > feature_device_state && number < feature_logging_start)
        return fail(ENOTTY);
    if (arg->flags & VFIO_DEVICE_FEATURE_PROBE)
        return 0;
    switch (number) {
    case feature_migration:
        *(uint64_t *)data = migration_stop_copy;
        return 0;
    case feature_device_state:
        if (arg->flags & VFIO_DEVICE_FEATURE_SET)
            return v2_set_state(data);
        *(uint32_t *)data = v2.state;
        return 0;
    case feature_data_size:
        *(uint64_t *)data = state_bytes;
        return 0;
    default:
        /* Logging starts, stops, and reports a bitmap that the caller has cleared. */
        return 0;
    }
}

static long device_ioctl(unsigned long request, void *arg)
{
    struct vfio_device_info *info = arg;
    switch (request) {
    case VFIO_DEVICE_GET_INFO:
        info->flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
        info->num_regions = migration_region + 1;
        info->num_irqs = VFIO_PCI_NUM_IRQS;
        return 0;
    case VFIO_DEVICE_GET_REGION_INFO:
        return region_info(arg);
    case VFIO_DEVICE_GET_IRQ_INFO:
        return irq_info(arg);
    case VFIO_DEVICE_SET_IRQS:
        return 0;
    case VFIO_DEVICE_RESET:
        for (int n = 0; n < bar_bytes; n++)
            bar[n] = 0;
        return 0;
    case VFIO_DEVICE_FEATURE:
        return feature(arg);
    case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
        return fail(ENODEV);
    default:
        return fail(ENOTTY);
    }
}

static long container_ioctl(unsigned long request, void *arg)
{
    struct {
        struct vfio_iommu_type1_info info;
        struct vfio_iommu_type1_info_cap_migration migration;
    } whole = {
        .info = {
            .flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS,
            .iova_pgsizes = ~(uint64_t)0xfff,
            .cap_offset = sizeof(whole.info),
        },
        .migration = {
            .header = { .id = info_cap_migration, .version = 1 },
            .pgsize_bitmap = ~(uint64_t)0xfff,
            .max_dirty_bitmap_size = most_bitmap_bytes,
        },
    };
    switch (request) {
    case VFIO_GET_API_VERSION:
        return VFIO_API_VERSION;
    case VFIO_CHECK_EXTENSION:
        return (long)arg == VFIO_TYPE1v2_IOMMU;
    case VFIO_IOMMU_GET_INFO:
        answer(arg, *(uint32_t *)arg, &whole, sizeof(whole));
        return 0;
    case VFIO_SET_IOMMU:
    case VFIO_IOMMU_MAP_DMA:
    case VFIO_IOMMU_UNMAP_DMA:
    case VFIO_IOMMU_DIRTY_PAGES:
        return 0;
    default:
        return fail(ENOTTY);
    }
}

static long group_ioctl(unsigned long request, void *arg)
{
    switch (request) {
    case VFIO_GROUP_GET_STATUS:
        ((struct vfio_group_status *)arg)->flags = VFIO_GROUP_FLAGS_VIABLE;
        return 0;
    case VFIO_GROUP_SET_CONTAINER:
    case VFIO_GROUP_UNSET_CONTAINER:
        return 0;
    case VFIO_GROUP_GET_DEVICE_FD:
        return new_file(device);
    default:
        return fail(ENOTTY);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list rest;
    va_start(rest, request);
    void *arg = va_arg(rest, void *);
    va_end(rest);
    switch (kind_of(fd)) {
    case container:
        return container_ioctl(request, arg);
    case group:
        return group_ioctl(request, arg);
    case device:
        return device_ioctl(request, arg);
    case kvm_vfio:
        /* The kernel's KVM does not know the group. */
        return 0;
    default: {
        long given = syscall(__NR_ioctl, (long)fd, request, arg);
        struct kvm_create_device *made = arg;
        int is_vfio = given == 0 && request == KVM_CREATE_DEVICE && made->type == KVM_DEV_TYPE_VFIO;
        if (is_vfio && made->fd < most_files && described())
            kinds[made->fd] = kvm_vfio;
        return given;
    }
    }
}

/* The kind of a path that the stand-in answers for: /dev/vfio/vfio, and /dev/vfio/N of a group. */
static enum kind kind_of_path(const char *path)
{
    const char *start = "/dev/vfio/";
    for (; *start; start++, path++)
        if (*path != *start)
            return nothing;
    if (*path >= '0' && *path <= '9')
        return group;
    return path[0] == 'v' && path[1] == 'f' && path[2] == 'i' && path[3] == 'o' && !path[4] ? container : nothing;
}

static int open_path(const char *path, int flags, va_list rest)
{
    long mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, unsigned) : 0;
    enum kind kind = path ? kind_of_path(path) : nothing;
    return kind != nothing && described() ? new_file(kind)
                                          : syscall(__NR_openat, (long)AT_FDCWD, path, (long)flags, mode);
}

#define OPEN(name)                                            \
    int name(const char *path, int flags, ...)                \
    {                                                         \
        va_list rest;                                         \
        va_start(rest, flags);                                \
        int fd = open_path(path, flags, rest);        \
        va_end(rest);                                         \
        return fd;                                            \
    }
OPEN(open)
OPEN(open64)
OPEN(__open_2)
OPEN(__open64_2)

int close(int fd)
{
    if (kind_of(fd) != nothing)
        kinds[fd] = nothing;
    return syscall(__NR_close, (long)fd);
}

/* The two that a fortified program calls pass the room for the data too, which nobody needs here. */
#define PREAD(name)                                                                        \
    long name(int fd, void *to, size_t count, long offset)                                 \
    {                                                                                      \
        return kind_of(fd) == device ? device_read(to, count, offset)                      \
                                     : syscall(__NR_pread64, (long)fd, to, count, offset); \
    }
PREAD(pread)
PREAD(pread64)
PREAD(__pread_chk)
PREAD(__pread64_chk)

#define PWRITE(name)                                                                          \
    long name(int fd, const void *from, size_t count, long offset)                            \
    {                                                                                         \
        return kind_of(fd) == device ? device_write(from, count, offset)                      \
                                     : syscall(__NR_pwrite64, (long)fd, from, count, offset); \
    }
PWRITE(pwrite)
PWRITE(pwrite64)
