/** Signing keys in a running provider: replaced live, without a restart and without a refused token (TK-08, TK-09). */
import type { Provider } from 'oidc-provider';
import { loadSigningKeys } from '../applications/keys/service.ts';
import type { SigningKey } from '../applications/keys/schema.ts';
import type { App } from '../core/app.ts';
import { internalsOf } from './internals.ts';

/** Seconds for which a relying party may keep the JWKS; a next key is published a day before it signs. */
export const jwksMaxAge = 300;
const freshMs = 3000;
const patienceMs = 500;

const publicMembers = ['kty', 'kid', 'alg', 'use', 'crv', 'x', 'y', 'n', 'e'] as const;

/** The public half, member by member, so that nothing private can slip through (TK-10). */
const publicJwk = ({ jwk }: SigningKey): Record<string, unknown> =>
  Object.fromEntries(publicMembers.filter((name) => jwk[name] !== undefined).map((name) => [name, jwk[name]]));

/** What the provider is built with: the library picks the first key of an algorithm to sign with. */
export const providerKeys = (keys: readonly SigningKey[]): { keys: object[] } => ({
  keys: keys.filter(({ state }) => state === 'current').map(({ jwk }) => ({ ...jwk })),
});

export class LiveKeys {
  readonly #app: App;
  readonly #provider: Provider;
  #keys: readonly SigningKey[];
  #loaded = performance.now();
  #loading: Promise<void> | undefined;
  /** Changes when the published keys do. */
  version = 0;

  constructor(app: App, provider: Provider, keys: readonly SigningKey[]) {
    this.#app = app;
    this.#provider = provider;
    this.#keys = keys;
    this.#apply(keys);
  }

  /**
   * Looks for changes made by any process, at most every three seconds. To be awaited before something is signed or verified.
   * A database that does not answer changes nothing: the keys in memory stay in use (RE-05).
   */
  async refresh(): Promise<void> {
    if (performance.now() - this.#loaded < freshMs) return;
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    // A frozen database must not be waited for twice in one request (RE-01).
    await Promise.race([this.#loading, new Promise((resolve) => setTimeout(resolve, patienceMs).unref())]);
  }

  async #load(): Promise<void> {
    try {
      const keys = await loadSigningKeys(this.#app);
      const print = (list: readonly SigningKey[]) => list.map(({ kid, state }) => `${kid} ${state}`).join();
      if (keys.some(({ state }) => state === 'current') && print(keys) !== print(this.#keys)) this.#apply(keys);
    } catch (error) {
      this.#app.log.warn({ err: error }, 'signing keys could not be read again; those in memory stay in use');
    }
    this.#loaded = performance.now();
  }

  #apply(keys: readonly SigningKey[]): void {
    const internals = internalsOf(this.#provider);
    internals.keystore.clear();
    // Current ones first: the library signs with the first that fits. Those that do not sign come with their public half only.
    for (const key of keys) internals.keystore.add(key.state === 'current' ? { ...key.jwk } : publicJwk(key));
    internals.jwks = { keys: keys.map(publicJwk) };
    this.#keys = keys;
    this.version += 1;
  }
}
