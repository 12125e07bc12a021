import type { IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { addressList, clientAddress } from '../../src/http/client-address.ts';

const from = (remoteAddress: string, forwarded?: string): IncomingMessage =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage;

describe('http/client-address', () => {
  const nobody = addressList([]);
  const proxies = addressList(['10.0.0.0/8', '2001:db8::/32', '192.0.2.1']);

  it('MT-04: is the socket’s unless a proxy is trusted', () => {
    expect(clientAddress(from('203.0.113.9', '1.2.3.4'), nobody)).to.equal('203.0.113.9');
    expect(clientAddress(from('203.0.113.9', '1.2.3.4'), proxies)).to.equal('203.0.113.9');
    expect(clientAddress(from('::ffff:203.0.113.9'), nobody)).to.equal('203.0.113.9');
  });

  it('is read from the right, past trusted proxies only', () => {
    expect(clientAddress(from('10.0.0.1', '203.0.113.9'), proxies)).to.equal('203.0.113.9');
    expect(clientAddress(from('10.0.0.1', '6.6.6.6, 203.0.113.9, 10.1.1.1'), proxies)).to.equal('203.0.113.9');
    expect(clientAddress(from('2001:db8::1', '2a00::7'), proxies)).to.equal('2a00::7');
    expect(clientAddress(from('::ffff:192.0.2.1', '203.0.113.9'), proxies)).to.equal('203.0.113.9');
  });

  it('refuses a list with something else in it, by the name of the setting', () => {
    for (const entry of ['proxy.example', '10.0.0.0/33', '10.0.0.0/', '::1/129']) {
      expect(() => addressList([entry]), entry).to.throw(`LINTEL_TRUSTED_PROXIES: ${entry} is not`);
    }
  });

  it('stops at what is no address', () => {
    expect(clientAddress(from('10.0.0.1', 'unknown'), proxies)).to.equal('10.0.0.1');
    expect(clientAddress(from('10.0.0.1', "1.2.3.4'; drop table users"), proxies)).to.equal('10.0.0.1');
    expect(clientAddress(from('10.0.0.1', ''), proxies)).to.equal('10.0.0.1');
    expect(clientAddress(from(''), proxies)).to.equal(null);
  });

  it('refuses a list with something else in it', () => {
    expect(() => addressList(['proxy.internal'])).to.throw(/not an address/);
  });
});
