import { expect } from 'chai';
import { DisposeStack } from '../../../harness/core/dispose.js';
import { failure } from '../support/failure.js';

/** 1. What was done last is undone first, one at a time. 2. A failing release stops no other. 3. What was moved is kept. */
describe('a dispose stack', () => {
  it('releases in reverse, each after the one before has finished', async () => {
    const done: string[] = [];
    {
      await using stack = new DisposeStack();
      stack.defer(() => done.push('first'));
      stack.defer(async () => {
        await new Promise((resolve) => setImmediate(resolve));
        done.push('second');
      });
      const resource = { [Symbol.asyncDispose]: () => Promise.resolve(void done.push('third')) };
      expect(stack.use(resource)).to.equal(resource);
      expect(done).to.deep.equal([]);
    }
    expect(done).to.deep.equal(['third', 'second', 'first']);
  });

  it('releases everything although one release fails, and throws that failure itself', async () => {
    const done: string[] = [];
    const stack = new DisposeStack();
    const fault = new Error('stuck');
    stack.defer(() => done.push('first'));
    stack.defer(() => Promise.reject(fault));
    stack.defer(() => done.push('third'));
    expect(await failure(stack[Symbol.asyncDispose]())).to.equal(fault);
    expect(done).to.deep.equal(['third', 'first']);
    await stack[Symbol.asyncDispose]();
    expect(done).to.have.length(2);
  });

  it('tells of every release that fails', async () => {
    const stack = new DisposeStack();
    const faults = [new Error('one'), new Error('two')];
    for (const fault of faults) stack.defer(() => Promise.reject(fault));
    const error = await failure(stack[Symbol.asyncDispose](), AggregateError);
    expect(error.errors).to.deep.equal([faults[1], faults[0]]);
    expect(error.message).to.equal('cleaning up failed: two; one');
  });

  it('hands everything on when moved', async () => {
    const done: string[] = [];
    let kept: DisposeStack;
    {
      await using stack = new DisposeStack();
      stack.defer(() => done.push('released'));
      kept = stack.move();
    }
    expect(done).to.deep.equal([]);
    await kept[Symbol.asyncDispose]();
    expect(done).to.deep.equal(['released']);
  });
});
