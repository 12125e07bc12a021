/** docs/tokens.md says what is so: scopes and lives are compared with what the provider goes by. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { identityScopes } from '../../src/applications/clients/schema.ts';
import { scopeClaims } from '../../src/oidc/claims.ts';
import { lifetimes } from '../../src/oidc/lifetimes.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/tokens.md'), 'utf8');
const rows = new Map(
  [...page.matchAll(/^\| (.+?) \| (.+?) \|$/gm)].map(([, name = '', text = '']) => [name, text] as const),
);

function said(seconds: number): string {
  for (const [unit, length] of [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const) {
    const count = seconds / length;
    if (Number.isInteger(count) && !(unit === 'minute' && count === 1))
      return `${count} ${unit}${count === 1 ? '' : 's'}`;
  }
  return `${seconds} seconds`;
}

describe('oidc: docs/tokens.md', () => {
  it('names every scope with what it releases, and no other', () => {
    const named = [...rows.keys()].filter((name) => name.startsWith('`'));
    expect(named).to.have.members(identityScopes.map((scope) => `\`${scope}\``));
    for (const scope of identityScopes) {
      const claims: readonly string[] = scopeClaims[scope as keyof typeof scopeClaims] ?? [];
      const text = rows.get(`\`${scope}\``);
      expect(text, scope).to.be.a('string');
      if (claims.length > 0) expect(text).to.equal(claims.map((claim) => `\`${claim}\``).join(', '));
    }
  });

  it('says how long things live', () => {
    const { authorizationCode, idToken, opaqueAccessToken, jwtAccessToken, apiAccessToken } = lifetimes;
    expect(rows.get('code')).to.equal(`${said(authorizationCode)}, once`);
    expect(rows.get('ID token')).to.equal(said(idToken));
    expect(rows.get('access token, opaque')).to.equal(said(opaqueAccessToken));
    expect(rows.get('access token, JWT')).to.equal(said(jwtAccessToken));
    expect(rows.get('access token for Lintel’s own API, or of an application for itself and no other API')).to.equal(
      said(apiAccessToken),
    );
    expect(rows.get('refresh token')).to.equal(
      `${said(lifetimes.refreshIdle)} unused, ${said(lifetimes.refreshAbsolute)} after the code at most`,
    );
  });
});
