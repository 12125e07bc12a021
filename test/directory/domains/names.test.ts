import { expect } from 'chai';
import { Fault } from '../../../src/core/fault.ts';
import { asciiDomain, domainOfEmail, normalizeDomain } from '../../../src/directory/domains/names.ts';

describe('directory/domains: names', () => {
  it('FD-09: has one form for each domain, whatever its case, script or final dot', () => {
    expect(normalizeDomain(' ACME.Example. ')).to.equal('acme.example');
    expect(normalizeDomain('Bücher.example')).to.equal('xn--bcher-kva.example');
    expect(normalizeDomain('xn--bcher-kva.example')).to.equal('xn--bcher-kva.example');
    expect(normalizeDomain('ａｃｍｅ.example')).to.equal('acme.example');
    expect(normalizeDomain('acme。example')).to.equal('acme.example');
  });

  it('FD-09: gives a homoglyph another name', () => {
    expect(normalizeDomain('аcme.example')).to.match(/^xn--/);
  });

  const refused = [
    '',
    '.',
    'localhost',
    'com',
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '::1',
    'acme..example',
    '-acme.example',
    'acme-.example',
    'acme.example/evil',
    'user@acme.example',
    'acme.example:443',
    'acme.example?x',
    'acme.example#x',
    'acme .example',
    'acme%2eexample',
    'acme_x.example',
    '*.acme.example',
    'acme.123',
    'acme.example..',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(125)}example`,
    'xn--\u0000.example',
  ];
  for (const name of refused) {
    it(`refuses ${JSON.stringify(name.slice(0, 40))}`, () => {
      expect(asciiDomain(name)).to.equal(null);
      expect(() => normalizeDomain(name))
        .to.throw(Fault)
        .with.property('code', 'domain_invalid');
    });
  }

  it('FD-09: reads the domain of an address behind its last @', () => {
    expect(domainOfEmail('a@b@Acme.Example')).to.equal('acme.example');
    expect(domainOfEmail('a@acme.example.evil.example')).to.equal('acme.example.evil.example');
    expect(domainOfEmail('@acme.example')).to.equal(null);
    expect(domainOfEmail('acme.example')).to.equal(null);
  });
});
