import { expect } from 'chai';
import { StateError } from '../../../../harness/core/errors.js';
import { editMtty } from './mtty-edits.js';

const source = [
  'static atomic_t mdev_avail_ports = ATOMIC_INIT(24);',
  '#define MTTY_CONFIG_SPACE_SIZE  0xff',
  'mdev_state->vconfig[0x6e] =  0x54;',
  'vdev->log_ops = &mtty_log_ops;',
].join('\n');

/** That an edit finds its words once, or says that the kernel's source has changed. */
describe('editMtty', () => {
  it('puts something in place of each of its words, and leaves the rest', () => {
    const lines = editMtty(source).split('\n');
    expect(lines).to.include('static u8 add_capabilities(u8 *config)');
    expect(lines.slice(-4)).to.deep.equal([
      'static atomic_t mdev_avail_ports = ATOMIC_INIT(24);',
      '#define MTTY_CONFIG_SPACE_SIZE 0x100',
      'mdev_state->vconfig[0x34] = add_capabilities(mdev_state->vconfig);',
      'vdev->log_ops = dirty_log ? &mtty_log_ops : NULL;',
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
