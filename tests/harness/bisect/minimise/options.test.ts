import { expect } from 'chai';
import fc from 'fast-check';
import { CommandLines } from '../../../../harness/bisect/minimise/command-lines.js';
import { optionsOf, without, wordsOf } from '../../../../harness/bisect/minimise/options.js';
import { splitWords } from '../../../../harness/machine/words.js';

const text = `
  -m 64 -snapshot
  -object memory-backend-ram,id=ram0,size=64M
  -machine memory-backend=ram0
  -object rng-random,id=rng0,filename=/dev/urandom
  -object iothread,id=unused
  -netdev hubport,id=net0,hubid=0
  -blockdev driver=null-co,node-name=file0
  -blockdev driver=raw,node-name=disk0,file=file0
  --device pcie-root-port,id=port0,chassis=1,slot=1
  -device virtio-net-pci,netdev=net0,bus=port0
  -device {"driver":"virtio-scsi-pci","id":"scsi0"}
  -device scsi-hd,drive=disk0,bus=scsi0.0,lun=1
  -device virtio-rng-pci,rng=rng0,addr=0x9
  -device virtio-rng-pci,rng=rng0,addr=0x9`;
const words = splitWords(text.replace(/\{.*\}/, (json) => `'${json}'`));
const nothing = { options: new Set<string>(), properties: new Set<string>() };

function left(...gone: string[]): string[] {
  return without(optionsOf(words), new Set(gone)).map(({ key }) => key);
}

/**
 * 1. A command line comes apart and together again; every option has a key of its own, also of two that are the same.
 * 2. With a device goes all that hangs on it, and a backend goes with the last that used it; one that nobody ever used stays.
 * 3. Whatever is taken away, nothing that is left needs what is gone.
 * 4. Both sides lose the same, by id where there is one, and properties one by one.
 */
describe('the options of a command line', () => {
  it('come apart and together again', () => {
    const options = optionsOf(words);
    expect(wordsOf(options).map((word) => word.replace('--', '-'))).to.deep.equal(
      words.map((word) => word.replace('--', '-')),
    );
    expect(options[1]).to.include({ option: '-snapshot', key: '-snapshot  1' }).and.not.have.property('value');
    expect(new Set(options.map(({ key }) => key)).size).to.equal(options.length);
  });

  it('take with them what needs them, and what nobody needs any more', () => {
    const all = left();
    expect(all).to.have.length(15);
    const goneWith = (key: string): string[] => all.filter((other) => !left(key).includes(other));
    expect(goneWith('-device id=port0 1')).to.have.members([
      '-device id=port0 1',
      '-device virtio-net-pci,netdev=net0,bus=port0 1',
      '-netdev id=net0 1',
    ]);
    expect(goneWith('-device id=scsi0 1'))
      .to.have.length(4)
      .and.to.include.members(['-device scsi-hd,drive=disk0,bus=scsi0.0,lun=1 1']);
    expect(goneWith('-device virtio-rng-pci,rng=rng0,addr=0x9 2')).to.have.length(1);
    expect(
      left('-device virtio-rng-pci,rng=rng0,addr=0x9 1', '-device virtio-rng-pci,rng=rng0,addr=0x9 2'),
    ).to.not.include('-object id=rng0 1');
    expect(goneWith('-object id=unused 1')).to.deep.equal(['-object id=unused 1']);
    expect(goneWith('-machine memory-backend=ram0 1')).to.have.length(2);
  });

  it('leave nothing that needs what is gone', () => {
    const options = optionsOf(words);
    const ids = new Set(
      words.flatMap((word) => [...word.matchAll(/(?:id|node-name)"?[=:]"?(\w+)/g)].map(([, id]) => id)),
    );
    fc.assert(
      fc.property(fc.subarray(options), (gone) => {
        const rest = without(options, new Set(gone.map(({ key }) => key)));
        expect(rest.filter((option) => gone.includes(option))).to.deep.equal([]);
        const text = rest.map(({ value = '' }) => value).join('\n');
        const there = [...text.matchAll(/(?:id|node-name)"?[=:]"?(\w+)/g)].map(([, id]) => id);
        const named = [...text.matchAll(/(?:bus|netdev|drive|rng|file|memory-backend)=(\w+)/g)].map(([, id]) => id);
        expect(named.filter((id) => ids.has(id) && !there.includes(id))).to.deep.equal([]);
      }),
    );
  });

  it('lose the same on both sides', () => {
    const lines = new CommandLines({
      words: splitWords('-device driver=e1000e,id=net,addr=5 -device qemu-xhci'),
      destinationWords: splitWords('-device e1000e,id=net,addr=6 -smp 2'),
    });
    expect(lines.devices(nothing)).to.deep.equal(['-device id=net 1', '-device qemu-xhci 1']);
    expect(lines.others(nothing)).to.deep.equal(['-smp 2 1']);
    expect(lines.properties(nothing)).to.deep.equal(['-device id=net 1,id', '-device id=net 1,addr']);
    expect(lines.words({ ...nothing, options: new Set(['-device id=net 1']) })).to.deep.equal({
      words: ['-device', 'qemu-xhci'],
      destinationWords: ['-smp', '2'],
    });
    expect(lines.words({ ...nothing, properties: new Set(['-device id=net 1,addr']) })).to.deep.equal({
      words: ['-device', 'e1000e,id=net', '-device', 'qemu-xhci'],
      destinationWords: ['-device', 'e1000e,id=net', '-smp', '2'],
    });
    expect(new CommandLines({ words: [] }).words(nothing)).to.deep.equal({ words: [] });
  });

  it('keep values that cannot be taken apart as they are', () => {
    const odd = [
      '-device',
      '{"driver":"qemu-xhci","nested":{"a":[1]}}',
      '-object',
      '{"qom-type":"iothread","id":"t"}',
      '-drive',
      'if=none,id=d',
    ];
    const lines = new CommandLines({ words: odd });
    expect(lines.properties(nothing)).to.deep.equal([]);
    expect(lines.words(nothing).words).to.deep.equal(odd);
    const json = new CommandLines({ words: ['-device', '{"driver":"qemu-xhci","id":"a","p2":4}'] });
    expect(json.words({ ...nothing, properties: new Set(['-device id=a 1,p2']) }).words).to.deep.equal([
      '-device',
      'qemu-xhci,id=a',
    ]);
  });
});
