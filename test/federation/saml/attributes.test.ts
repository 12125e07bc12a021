import { expect } from 'chai';
import { mapAttributes, presets } from '../../../src/federation/saml/attributes.ts';

describe('mapAttributes', () => {
  it('knows the names that Entra, Shibboleth, OneLogin and Okta send', () => {
    const claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';
    const shapes: Record<string, string[]>[] = [
      {
        [`${claims}/emailaddress`]: ['a@x.example'],
        [`${claims}/givenname`]: ['A'],
        [`${claims}/surname`]: ['B'],
        'http://schemas.microsoft.com/ws/2008/06/identity/claims/groups': ['g'],
      },
      {
        'urn:oid:0.9.2342.19200300.100.1.3': ['a@x.example'],
        'urn:oid:2.5.4.42': ['A'],
        'urn:oid:2.5.4.4': ['B'],
        memberOf: ['g'],
      },
      { 'User.email': ['a@x.example'], 'User.FirstName': ['A'], 'User.LastName': ['B'], memberOf: ['g'] },
      { email: ['a@x.example'], firstName: ['A'], lastName: ['B'], groups: ['g'] },
      { mail: ['a@x.example'], givenName: ['A'], sn: ['B'], Role: ['g'] },
    ];
    for (const shape of shapes) {
      expect(mapAttributes(shape)).to.deep.include({
        email: 'a@x.example',
        first_name: 'A',
        last_name: 'B',
        groups: ['g'],
      });
    }
  });

  it('takes the first preset that has a value, and says which', () => {
    const profile = mapAttributes({
      email: ['second@x.example'],
      mail: ['first@x.example'],
      'urn:oid:0.9.2342.19200300.100.1.3': [],
    });
    expect([profile.email, profile.sources.email]).to.deep.equal(['first@x.example', 'mail']);
    expect(presets.email[0]).to.equal('http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress');
  });

  it('a mapping of the connection replaces the presets of its field, and only those', () => {
    const profile = mapAttributes(
      { mail: ['a@x.example'], work: ['b@x.example'], sn: ['B'] },
      { email: 'work', cost_center: ['cc', 'work'] },
    );
    expect(profile).to.deep.include({ email: 'b@x.example', last_name: 'B', custom: { cost_center: ['b@x.example'] } });
    expect(mapAttributes({ mail: ['a@x.example'] }, { email: 'absent' }).email).to.equal(null);
  });

  it('leaves out an e-mail address that is none', () => {
    for (const bad of [
      'ada',
      'ada@',
      '@x.example',
      'a@b@x.example',
      'a b@x.example',
      'a@x..example',
      'a\u0000@x.example',
      '<a@x.example>',
      `${'a'.repeat(250)}@x.example`,
    ]) {
      expect(mapAttributes({ mail: [bad] }).email, bad).to.equal(null);
    }
    expect(mapAttributes({ mail: ['ada+work@büro.example'] }).email).to.equal('ada+work@büro.example');
  });

  it('gives groups once each, at most a thousand', () => {
    expect(mapAttributes({ groups: ['a', 'b', 'a'] }).groups).to.deep.equal(['a', 'b']);
    expect(mapAttributes({ groups: Array.from({ length: 1500 }, (_n, i) => `g${i}`) }).groups).to.have.length(1000);
  });

  it('FD-11: names such as __proto__ or constructor reach nothing but themselves', () => {
    const hostile = Object.fromEntries([['__proto__', ['x']]]);
    expect(mapAttributes(hostile, { email: '__proto__' }).email).to.equal(null);
    expect(mapAttributes({}, { email: 'constructor', groups: 'toString' })).to.deep.include({
      email: null,
      groups: [],
    });
  });
});
