import { expect } from 'chai';
import { addressBlock } from '../../../src/ratelimits/counters/address-block.ts';

describe('ratelimits/counters/address-block', () => {
  it('AU-08: an IPv4 address is itself, IPv6 counts by /64', () => {
    expect(addressBlock('203.0.113.7')).to.equal('203.0.113.7');
    expect(addressBlock('::ffff:203.0.113.7')).to.equal('203.0.113.7');
    const block = '2001:db8:1:2::/64';
    for (const address of [
      '2001:db8:1:2::1',
      '2001:DB8:0001:2:ffff:ffff:ffff:ffff',
      '2001:db8:1:2:0:0:0:0',
      '2001:db8:1:2::1%eth0',
    ]) {
      expect(addressBlock(address), address).to.equal(block);
    }
    expect(addressBlock('2001:db8:1:3::1')).not.to.equal(block);
    expect(addressBlock('::1')).to.equal('0:0:0:0::/64');
    expect(addressBlock('2001:db8::')).to.equal('2001:db8:0:0::/64');
    expect(addressBlock('1::8:7:6:5:4:3')).to.equal('1:0:8:7::/64');
    for (const none of [null, '', 'nonsense', '1.2.3', '[::1]']) expect(addressBlock(none)).to.equal('unknown');
  });
});
