/** What is used of oidc-provider below its public surface: an update that moves it must fail here, not in production. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from 'chai';
import type { World } from '../support/world.ts';
import { internalsOf } from '../../src/oidc/internals.ts';
import { oidcWorld } from './rp.ts';

describe('oidc: internals of the library', () => {
  let w: World;
  before(async () => {
    w = await oidcWorld();
  });
  after(() => w.close());

  it('are where they were, in the version that is pinned', () => {
    const manifest = JSON.parse(
      readFileSync(createRequire(import.meta.url).resolve('oidc-provider/package.json'), 'utf8'),
    ) as { version: string };
    const ours = JSON.parse(readFileSync(`${import.meta.dirname}/../../package.json`, 'utf8')) as {
      dependencies: Record<string, string>;
    };
    expect(ours.dependencies['oidc-provider']).to.equal(manifest.version);
    const { keystore, jwks, grantTypeHandlers, grantTypeParams, responseModes } = internalsOf(w.lintel.oidc.provider);
    expect([typeof keystore.add, typeof keystore.clear]).to.deep.equal(['function', 'function']);
    expect(jwks.keys).to.have.length(2);
    expect([...grantTypeHandlers.keys()]).to.have.members([
      'authorization_code',
      'refresh_token',
      'client_credentials',
    ]);
    expect([...(grantTypeParams.get('refresh_token') ?? [])]).to.include.members([
      'refresh_token',
      'scope',
      'resource',
      'organization_id',
    ]);
    expect([...responseModes.keys()]).to.have.members(['query', 'fragment', 'form_post']);
  });

  it('stores nothing of features that are off', () => {
    const { provider } = w.lintel.oidc;
    expect(() => (provider.DeviceCode as unknown as { adapter: unknown }).adapter).to.throw('feature is off');
  });
});
