import { expect } from 'chai';
import { StateError } from '../../../../harness/core/errors.js';
import { editMtty } from './mtty-edits.js';

const source = [
  'static atomic_t mdev_avail_ports = ATOMIC_INIT(24);',
  '#define MTTY_CONFIG_SPACE_SIZE  0xff',
  'mdev_state->vconfig[0x6e] =  0x54;',
  'vdev->log_ops = &mtty_log_ops;',
  'return mdev_state->irq_index == VFIO_PCI_MSI_IRQ_INDEX;',
  'case VFIO_PCI_MSI_IRQ_INDEX:',
  'case VFIO_PCI_MSIX_IRQ_INDEX:',
  'irq_info->index != VFIO_PCI_MSI_IRQ_INDEX)',
  '\tdefault:\n\t\tsize = 0;',
  '\tcase VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:',
].join('\n');

/** That an edit finds its words once, or says that the kernel's source has changed. */
describe('editMtty', () => {
  it('puts something in place of each of its words, and leaves the rest', () => {
    const lines = editMtty(source).split('\n');
    expect(lines).to.include('static u8 add_capabilities(u8 *config)');
    expect(lines.slice(-13)).to.deep.equal([
      'static atomic_t mdev_avail_ports = ATOMIC_INIT(24);',
      '#define MTTY_CONFIG_SPACE_SIZE 0x100',
      'mdev_state->vconfig[0x34] = add_capabilities(mdev_state->vconfig);',
      'vdev->log_ops = dirty_log ? &mtty_log_ops : NULL;',
      'return mdev_state->irq_index == VFIO_PCI_MSI_IRQ_INDEX || mdev_state->irq_index == VFIO_PCI_MSIX_IRQ_INDEX;',
      'case VFIO_PCI_MSI_IRQ_INDEX: case VFIO_PCI_MSIX_IRQ_INDEX:',
      'default:',
      'irq_info->index != VFIO_PCI_MSI_IRQ_INDEX && irq_info->index != VFIO_PCI_MSIX_IRQ_INDEX)',
      '\tcase VFIO_PCI_BAR2_REGION_INDEX: size = MTTY_MSIX_BAR_SIZE; break;',
      '\tdefault:',
      '\t\tsize = 0;',
      '\tcase VFIO_PCI_BAR2_REGION_INDEX: if (!is_write) memset(buf, 0, count); break;',
      '\tcase VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR1_REGION_INDEX:',
    ]);
  });

  it('refuses a source in which words are missing, or stand twice', () => {
    expect(() => editMtty(source.replace('=  0x54', '= 0x54'))).to.throw(
      StateError,
      "holds 'vconfig[0x6e] =  0x54;' 0 times",
    );
    expect(() => editMtty(`${source}\n${source}`)).to.throw(StateError, '2 times, and not once');
  });
});
