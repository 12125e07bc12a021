import { expect } from 'chai';
import { Fault } from '../../../src/core/fault.ts';
import { normalizeEmail, normalizeUsername, readIdentifier } from '../../../src/directory/users/identifiers.ts';
import { leastCost } from '../../support/effort.ts';

describe('directory/users: identifiers', () => {
  it('keeps an address as it was typed, its domain in ASCII', () => {
    expect(normalizeEmail(' Ann.Lee+x@Acme.Example ')).to.equal('Ann.Lee+x@Acme.Example');
    expect(normalizeEmail('ann@bücher.example')).to.equal('ann@xn--bcher-kva.example');
    expect(normalizeEmail("o'hara@acme.example")).to.equal("o'hara@acme.example");
  });

  it('lowers letters beyond ASCII itself, because databases differ about them', () => {
    expect(normalizeEmail('ÄNN@acme.example')).to.equal('änn@acme.example');
    // Composed and decomposed are one.
    expect(normalizeEmail('a\u0308nn@acme.example')).to.equal(normalizeEmail('\u00e4nn@acme.example'));
    expect(normalizeUsername('ÉMILE', { mayBeEmail: true })).to.equal('émile');
  });

  const noEmails = [
    'ann',
    '@acme.example',
    'ann@',
    'ann@acme',
    'ann@127.0.0.1',
    'ann@[127.0.0.1]',
    'ann@@acme.example',
    'ann lee@acme.example',
    '.ann@acme.example',
    'ann.@acme.example',
    'a..n@acme.example',
    'ann@acme.example.',
    'ann@acme.example\r\nBcc: x@y.example',
    '"ann lee"@acme.example',
    'ann\u202e@acme.example',
    'ann\u200b@acme.example',
    '<ann@acme.example>',
    'ann,bob@acme.example',
    `${'a'.repeat(65)}@acme.example`,
    `ann@${'a.'.repeat(130)}example`,
  ];
  for (const text of noEmails) {
    it(`WB-14: takes no mail at ${JSON.stringify(text.slice(0, 40))}`, () => {
      expect(() => normalizeEmail(text))
        .to.throw(Fault)
        .with.property('code', 'email_invalid');
    });
  }

  it('refuses a hostile text in time', () => {
    const refuse = () => expect(() => normalizeEmail(`${'a.'.repeat(500_000)}@acme.example`)).to.throw(Fault);
    expect(leastCost(refuse, { milliseconds: 500 }).milliseconds).to.be.lessThan(500);
  });

  it('lets only organizations name people by addresses', () => {
    expect(normalizeUsername('ann@corp.example', { mayBeEmail: true })).to.equal('ann@corp.example');
    expect(() => normalizeUsername('ann@corp.example', { mayBeEmail: false })).to.throw(Fault);
    for (const text of ['', '   ', 'ann\u0000', 'ann\u2066', 'x'.repeat(321)]) {
      expect(() => normalizeUsername(text, { mayBeEmail: true }), JSON.stringify(text.slice(0, 10)))
        .to.throw(Fault)
        .with.property('code', 'username_invalid');
    }
  });

  it('reads what is typed into a sign-in page in the same form', () => {
    expect(readIdentifier(' Ann@Bücher.Example ')).to.equal('ann@xn--bcher-kva.example');
    expect(readIdentifier('ANN')).to.equal('ANN');
    expect(readIdentifier('ann\u0000')).to.equal(null);
    expect(readIdentifier('x'.repeat(10_000))).to.equal(null);
    expect(readIdentifier(' ')).to.equal(null);
  });
});
