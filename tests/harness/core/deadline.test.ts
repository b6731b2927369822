import { expect } from 'chai';
import { Deadline } from '../../../harness/core/deadline.js';
import { Watch } from '../../../harness/core/watch.js';

/** 1. Time runs down to zero and never below. 2. A step's share never reaches beyond the whole. 3. A far deadline does not fire at once. */
describe('a deadline', () => {
  it('runs down to zero, and stays there', async () => {
    const deadline = Deadline.after(10);
    expect(deadline.remainingMs).to.be.within(1, 10);
    expect(deadline.passed).to.equal(false);
    await new Promise((resolve) => setTimeout(resolve, 15));
    expect(deadline.remainingMs).to.equal(0);
    expect(deadline.passed).to.equal(true);
    expect(deadline.totalMs).to.equal(10);
  });

  it('gives a step a part of what is left, and never more', () => {
    const deadline = Deadline.after(1000);
    expect(deadline.within(50)).to.include({ totalMs: 50 });
    expect(deadline.within(5000)).to.equal(deadline);
    expect(Deadline.after(-5).within(50).passed).to.equal(true);
  });

  it('may lie further away than a timer reaches', async () => {
    const watch = new Watch<string>();
    const far = { what: 'it', goal: (seen: string) => seen, deadline: Deadline.after(Infinity) };
    const found = watch.until(far);
    await new Promise((resolve) => setTimeout(resolve, 5));
    watch.publish('seen');
    expect(await found).to.equal('seen');
  });
});
