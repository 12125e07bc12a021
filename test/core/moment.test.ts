import { expect } from 'chai';
import { Fault } from '../../src/core/fault.ts';
import { readExpiry } from '../../src/core/moment.ts';

describe('core/moment', () => {
  const now = new Date('2030-01-01T00:00:00Z');

  it('reads when something shall end, and that it shall not', () => {
    expect(readExpiry({ now }, '2030-01-01T01:00:00.001+01:00')).to.deep.equal(new Date(now.getTime() + 1));
    for (const none of [null, undefined]) expect(readExpiry({ now }, none)).to.equal(null);
  });

  it('refuses what does not lie in the future, or is no moment, with the field', () => {
    for (const text of ['2030-01-01T00:00:00Z', '2029-12-31T23:59:59Z', '', 'tomorrow']) {
      expect(() => readExpiry({ now }, text), text)
        .to.throw(Fault)
        .that.deep.includes({
          code: 'request_invalid',
          errors: [{ pointer: '/body/expires_at', detail: 'must be in the future' }],
        });
    }
  });
});
