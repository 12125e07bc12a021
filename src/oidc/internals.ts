/**
 * The one place that reaches below `oidc-provider/lib`, which is outside of its semantic versioning: the version is pinned
 * exactly, and `test/oidc/internals.test.ts` fails when an update moves what is used here.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';

export interface ProviderKeyStore {
  clear(): void;
  add(jwk: object): void;
}

export interface Internals {
  keystore: ProviderKeyStore;
  jwks: { keys: object[] };
  readonly grantTypeHandlers: Map<string, (context: KoaContextWithOIDC) => Promise<void>>;
  readonly grantTypeParams: Map<string | undefined, Set<string>>;
  readonly grantTypeDupes: Map<string, Set<string>>;
  readonly responseModes: Map<
    string,
    (context: KoaContextWithOIDC, uri: string, payload: Record<string, string>) => unknown
  >;
}

const library = dirname(createRequire(import.meta.url).resolve('oidc-provider'));
const { default: instance } = (await import(pathToFileURL(join(library, 'helpers/weak_cache.js')).href)) as {
  default: (provider: Provider) => Internals | undefined;
};

/** What a provider keeps to itself. */
export function internalsOf(provider: Provider): Internals {
  const found = instance(provider);
  if (!found?.keystore || !found.grantTypeHandlers || !found.responseModes) {
    throw new Error('This version of oidc-provider keeps its state elsewhere; see src/oidc/internals.ts.');
  }
  return found;
}
