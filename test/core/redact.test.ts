import { expect } from 'chai';
import { isSecretName, redact } from '../../src/core/redact.ts';

describe('core/redact', () => {
  it('SD-06: hides every value under a name that looks secret, at any depth', () => {
    const canary = 'canary-7f3a';
    const names = [
      'password',
      'new_password',
      'passphrase',
      'client_secret',
      'access_token',
      'refreshToken',
      'id_token_hint',
      'Authorization',
      'cookie',
      'set-cookie',
      'SAMLResponse',
      'assertion',
      'private_key',
      'api_key',
      'key',
      'code',
      'otp',
      'code_verifier',
      'state',
      'nonce',
      'credential',
      'token_hash',
      'metadata_xml',
      'name_id',
    ]; // prettier-ignore
    for (const name of names) {
      const text = JSON.stringify(redact({ outer: [{ [name]: canary, [`x_${name}`]: { deep: 1 } }] }));
      expect(text, name).to.include('[redacted]').and.not.include(canary);
    }
  });

  it('leaves plain facts, and whether a secret is there at all', () => {
    const facts = { object_id: 'a', token_id: 'b', status_code: 200, has_password: true, password: null, email: 'e' };
    expect(redact(facts)).to.deep.equal(facts);
    for (const code of ['not_found', '23505', 'ECONNRESET', 'saml_audience'])
      expect(redact({ code })).to.deep.equal({ code });
    for (const code of ['123456', 'Zk3-authorization-code'])
      expect(redact({ code })).to.deep.equal({ code: '[redacted]' });
    expect(isSecretName('description')).to.equal(false);
    expect(isSecretName('keyboard')).to.equal(false);
    for (const name of ['resource_token_format', 'id_token_signed_response_alg', 'client_secret_created_at'])
      expect(isSecretName(name), name).to.equal(false);
  });

  it('survives what is deep, wide, circular or special', () => {
    const circle: Record<string, unknown> = { name: 'a' };
    circle.self = circle;
    expect(JSON.stringify(redact(circle))).to.include('[deep]');
    expect((redact(Array.from({ length: 1000 }, () => 1)) as unknown[]).length).to.equal(100);
    expect(redact(new Date(0))).to.equal('1970-01-01T00:00:00.000Z');
    expect(redact({ at: new Date(0), none: undefined })).to.deep.equal({
      at: '1970-01-01T00:00:00.000Z',
      none: undefined,
    });
    expect(redact(new Error('gone'))).to.deep.equal({ name: 'Error', message: 'gone' });
  });

  it('does not change what it was given', () => {
    const given = { password: 'x', list: [{ token: 'y' }] };
    redact(given);
    expect(given).to.deep.equal({ password: 'x', list: [{ token: 'y' }] });
  });
});
