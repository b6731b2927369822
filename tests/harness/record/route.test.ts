import { expect } from 'chai';
import fc from 'fast-check';
import { buildsIn, routeName, stationsOf } from '../../../harness/record/route.js';

/** 1. A route's name and its lines say where it leads; many times there and back are folded. 2. The builds can be read from the name. */
describe('the name of a route', () => {
  it('has every build, or the two ends of many times there and back', () => {
    expect(routeName(['a', 'b'])).to.equal('a → b');
    expect(routeName(['a', 'b', 'a'])).to.equal('a → b → a');
    expect(routeName(['a', 'b', 'c', 'b', 'a'])).to.equal('a → b → c → b → a');
    expect(routeName(['a', 'b', 'a', 'b', 'a'])).to.equal('a ⇄ b × 2');
    expect(routeName(['a', 'a', 'a', 'a', 'a'])).to.equal('a ⇄ a × 2');
    expect(routeName(['a', 'b', 'a', 'b'])).to.equal('a → b → a → b');
    expect(stationsOf(['a', 'b', 'a'])).to.deep.equal(['a', 'b', 'a']);
    expect(stationsOf(['a', 'b', 'a', 'b', 'a'])).to.deep.equal(['a', 'b', 'and back, 2 times']);
  });

  it('names its builds', () => {
    const route = fc.array(fc.constantFrom('deb:a', './b c', 'x'), { minLength: 2, maxLength: 21 });
    fc.assert(
      fc.property(route, (names) => {
        expect(buildsIn(routeName(names))).to.have.members([...new Set(names)]);
      }),
      { examples: [[Array.from({ length: 21 }, (_, hop) => (hop % 2 === 0 ? 'deb:a' : 'x'))]] },
    );
  });
});
