/**
 * The provider's storage adapter: which of the library's models is kept by what (`adapters/`), and what an error of the database
 * becomes on the way.
 */
import type { Adapter, AdapterFactory } from 'oidc-provider';
import { type AdapterOptions, defectOf } from './adapters/base.ts';
import { Artifacts, Clients, Grants, Replays, Sessions } from './adapters/records.ts';
import { AccessTokens, Codes, RefreshTokens } from './adapters/tokens.ts';
import { unitNow } from './unit.ts';

/** @returns what the provider's configuration takes as `adapter` */
export function createAdapter(options: AdapterOptions): AdapterFactory {
  const kinds: Record<string, (kind: string) => Adapter> = {
    Client: () => new Clients(options),
    Session: () => new Sessions(options),
    Grant: () => new Grants(options),
    AccessToken: () => new AccessTokens(options, 'AccessToken'),
    ClientCredentials: () => new AccessTokens(options, 'ClientCredentials'),
    RefreshToken: () => new RefreshTokens(options),
    AuthorizationCode: () => new Codes(options),
    ReplayDetection: () => new Replays(options),
    Interaction: (kind) => new Artifacts(options, kind),
    PushedAuthorizationRequest: (kind) => new Artifacts(options, kind),
  };
  return (name) => {
    const build = kinds[name];
    if (!build) throw new Error(`${name} is not stored: its feature is off.`);
    return guarded(build(name));
  };
}

function guarded(adapter: Adapter): Adapter {
  const methods = ['upsert', 'find', 'findByUid', 'findByUserCode', 'consume', 'destroy', 'revokeByGrantId'] as const;
  const wrapped: Partial<Record<string, unknown>> = {};
  for (const name of methods) {
    const method = (adapter[name] as (...values: unknown[]) => Promise<unknown>).bind(adapter);
    wrapped[name] = async (...values: unknown[]) => {
      // The library goes on after a failure; each further question to a database that does not answer would wait anew (RE-01).
      const failure = unitNow()?.failure;
      if (failure !== undefined) throw defectOf(failure);
      try {
        return await method(...values);
      } catch (error) {
        throw defectOf(error);
      }
    };
  }
  return wrapped as unknown as Adapter;
}
