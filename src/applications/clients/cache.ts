/**
 * Applications in memory. An entry is believed for three quarters of a second, then its version is asked for (one indexed read),
 * so that a change by any process is felt within a second and nobody has to be told.
 */
import type { Knex } from 'knex';
import { LRUCache } from 'lru-cache';
import { isId } from '../../core/id.ts';
import { type ProviderMetadata, providerMetadata } from './metadata.ts';
import { getClient, getLiveVersion } from './store.ts';

const believedMs = 750;

export interface CachedClient {
  readonly metadata: ProviderMetadata;
  readonly version: number;
}

interface Entry extends CachedClient {
  checked: number;
}

/** An API as an application sees it that asks for tokens for it. */
export type KnownResource = { readonly scope: string; readonly format: 'opaque' | 'jwt' };

/** APIs in memory, believed as long as applications are; what is not there is asked for each time. */
export class ResourceCache {
  readonly #entries = new LRUCache<string, KnownResource>({ max: 10_000, ttl: believedMs });

  async find(
    uri: string,
    orgId: string | null,
    read: () => Promise<KnownResource | undefined>,
  ): Promise<KnownResource | undefined> {
    const key = `${orgId} ${uri}`;
    const known = this.#entries.get(key);
    if (known) return known;
    const found = await read();
    if (found) this.#entries.set(key, found);
    return found;
  }
}

/** Where clients are looked for that are no applications. */
export type OtherClients = (db: Knex, clientId: string) => Promise<CachedClient | undefined>;

export class ClientCache {
  readonly #entries = new LRUCache<string, Entry>({ max: 10_000 });
  readonly #others: OtherClients;

  constructor(others: OtherClients = async () => undefined) {
    this.#others = others;
  }

  /** @returns undefined when there is no such application, or it or its organization is disabled */
  async find(db: Knex, clientId: string): Promise<CachedClient | undefined> {
    if (!isId(clientId)) return undefined;
    const known = this.#entries.get(clientId);
    if (known && performance.now() - known.checked < believedMs) return known;
    const checked = performance.now();
    const version = await getLiveVersion(db, clientId);
    if (version === undefined) {
      this.#entries.delete(clientId);
      return this.#others(db, clientId);
    }
    if (known?.version === version) {
      known.checked = checked;
      return known;
    }
    const row = await getClient(db, clientId);
    if (!row) return undefined;
    const entry: Entry = { metadata: providerMetadata(row), version: row.version, checked };
    this.#entries.set(clientId, entry);
    return entry;
  }

  /**
   * Asks what is asked for an application that nobody knows, after a wrong secret of one that is known: the clock must not tell
   * which of them there are (OA-20). @param since `performance.now()` of the request's beginning: what it asked already counts
   */
  async lookInVain(db: Knex, clientId: string, since: number): Promise<void> {
    if ((this.#entries.get(clientId)?.checked ?? 0) < since) await getLiveVersion(db, clientId);
    await this.#others(db, clientId);
  }
}
