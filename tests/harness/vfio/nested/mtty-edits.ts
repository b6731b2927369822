import { StateError } from '../../../../harness/core/errors.js';

/**
 * Parameters of the module, and a function that puts capabilities into a configuration space where the stand-in for the kernel has its own: MSI-X at
 * 0x60 with one vector, table and pending bits in BAR 2, and behind it at 0x80 the vendor-specific one with the contents that the parameters say.
 */
const capability = `
#define MTTY_MSIX_BAR_SIZE 0x4000
static u8 vsc[32];
module_param_array(vsc, byte, NULL, 0644);
static int vsc_length = -1;
module_param(vsc_length, int, 0644);
static bool dirty_log;
module_param(dirty_log, bool, 0644);

static u8 add_capabilities(u8 *config)
{
	config[0x06] |= PCI_STATUS_CAP_LIST;
	memset(config + 0x60, 0, 12);
	config[0x60] = PCI_CAP_ID_MSIX;
	STORE_LE32(&config[0x64], 0x2000 | 2);
	STORE_LE32(&config[0x68], 0x3000 | 2);
	if (vsc_length >= 0 && vsc_length <= sizeof(vsc)) {
		config[0x61] = 0x80;
		config[0x80] = PCI_CAP_ID_VNDR;
		config[0x82] = 3 + vsc_length;
		memcpy(config + 0x83, vsc, vsc_length);
	}
	return 0x60;
}

`;

const bars = 'case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:';

/** Words of mtty.c that stand in it once, and what comes in their place. */
const edits: readonly (readonly [words: string, instead: string])[] = [
  ['static atomic_t mdev_avail_ports', `${capability}static atomic_t mdev_avail_ports`],
  ['vconfig[0x6e] =  0x54;', 'vconfig[0x34] = add_capabilities(mdev_state->vconfig);'],
  // With a byte less QEMU takes it for PCI Express, and the driver then gives bytes that lie behind its own.
  ['_SPACE_SIZE  0xff', '_SPACE_SIZE 0x100'],
  ['log_ops = &mtty_log_ops', 'log_ops = dirty_log ? &mtty_log_ops : NULL'],
  // MSI-X is answered as MSI is, which it has without a capability that says so.
  [' VFIO_PCI_MSI_IRQ_INDEX;', ' VFIO_PCI_MSI_IRQ_INDEX || mdev_state->irq_index == VFIO_PCI_MSIX_IRQ_INDEX;'],
  ['case VFIO_PCI_MSIX_IRQ_INDEX:', 'default:'],
  ['case VFIO_PCI_MSI_IRQ_INDEX:', 'case VFIO_PCI_MSI_IRQ_INDEX: case VFIO_PCI_MSIX_IRQ_INDEX:'],
  [' VFIO_PCI_MSI_IRQ_INDEX)', ' VFIO_PCI_MSI_IRQ_INDEX && irq_info->index != VFIO_PCI_MSIX_IRQ_INDEX)'],
  // Behind its ports the driver has no registers: there is nothing in BAR 2 but what QEMU itself answers for.
  [
    'default:\n\t\tsize = 0;',
    'case VFIO_PCI_BAR2_REGION_INDEX: size = MTTY_MSIX_BAR_SIZE; break;\n\tdefault:\n\t\tsize = 0;',
  ],
  [bars, `case VFIO_PCI_BAR2_REGION_INDEX: if (!is_write) memset(buf, 0, count); break;\n\t${bars.replace('5', '1')}`],
];

/**
 * The kernel's sample driver mtty (samples/vfio-mdev/mtty.c) with MSI-X, and with three parameters more: `vsc` and `vsc_length`, the contents of a
 * vendor-specific capability of devices that are made from then on (none with a negative length), and `dirty_log`, for only a kernel with
 * IOMMUFD can give what it logs to QEMU. Throws StateError where the source does not hold the words that are replaced exactly once.
 */
export function editMtty(source: string): string {
  return edits.reduce((text, [words, instead]) => {
    const parts = text.split(words);
    if (parts.length !== 2) throw new StateError(`mtty.c holds '${words}' ${parts.length - 1} times, and not once`);
    return parts.join(instead);
  }, source);
}
