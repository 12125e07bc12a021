/**
 * Our own SAML keys: one pair that signs requests, one that assertions are encrypted for, each with a next one that is published
 * beside it, so that an identity provider which reads our metadata before a switch accepts either (checklist SA-12).
 * Tables: saml_keys. Events: saml_key.created, .activated, .retired, .removed.
 * Invariant: at most one current and one next key for each use; private halves are sealed to their row (checklist SD-01). Keys are
 * made when the first connection needs them, and changed only by an operator: identity providers that were given our certificate
 * as a file do not notice a change by themselves.
 */
import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { App } from '../../core/app.ts';
import { Call, systemActor } from '../../core/call.ts';
import { newId } from '../../core/id.ts';
import { reading } from '../../db/transact.ts';
import { selfSignedCertificate } from '../saml/certificate.ts';
import type { KeyPair } from '../saml/service-provider.ts';
import {
  type KeyState,
  type KeyUse,
  keyUses,
  samlKeyActivated,
  samlKeyCreated,
  samlKeyRemoved,
  samlKeyRetired,
} from './schema.ts';
import {
  deleteSamlKeysRetiredBefore,
  insertSamlKey,
  listSamlKeys,
  lockSamlKeys,
  type SamlKeyRow,
  updateSamlKey,
} from './store.ts';

const year = 365 * 24 * 3600 * 1000;
/** The certificate only wraps the key (SAML2int SDP-G01); products complain about one that ended. */
const lifetimeMs = 10 * year;
/** Assertions that were encrypted for a retired key are read for so long. */
const retiredMs = 30 * 24 * 3600 * 1000;
/** Another process's change of keys is noticed within this time. */
const freshMs = 60_000;

const generate = promisify(generateKeyPair);
const sealContext = (keyId: string): string => `saml_keys:private_key_encrypted:${keyId}`;

export interface SamlKeys {
  readonly current: KeyPair;
  readonly next?: KeyPair;
  /** Published for encryption. */
  readonly encryption: readonly KeyPair[];
  /** Private keys that assertions may be encrypted for, the likeliest first; also those retired lately. */
  readonly decryption: readonly string[];
}

const kept = new WeakMap<App, { until: number; keys: Promise<SamlKeys> }>();

/**
 * The keys of this deployment; makes them when there are none.
 * @throws SealError when the sealing key of this process did not seal them (checklist SD-05)
 */
export function samlKeys(app: App): Promise<SamlKeys> {
  const now = app.clock().getTime();
  const known = kept.get(app);
  if (known && now < known.until && now >= known.until - freshMs) return known.keys;
  const keys = load(app);
  kept.set(app, { until: now + freshMs, keys });
  // What failed is not remembered.
  keys.catch(() => kept.delete(app));
  return keys;
}

async function load(app: App): Promise<SamlKeys> {
  let rows = await reading(() => listSamlKeys(app.db));
  if (missingIn(rows).length > 0) {
    await makeMissing(app);
    rows = await listSamlKeys(app.db);
  }
  const pairs = (use: KeyUse, ...states: KeyState[]): KeyPair[] =>
    states.flatMap((state) =>
      rows
        .filter((row) => row.key_use === use && row.state === state)
        .map((row) => ({
          certificate: row.certificate_pem,
          privateKey: app.sealer.open(row.private_key_encrypted, sealContext(row.key_id)),
        })),
    );
  const [current, next] = pairs('signing', 'current', 'next');
  if (!current) throw new Error('There is no SAML key that signs.');
  return {
    current,
    ...(next ? { next } : {}),
    encryption: pairs('encryption', 'current', 'next'),
    decryption: pairs('encryption', 'current', 'next', 'retired').map(({ privateKey }) => privateKey),
  };
}

/** Opens what is there, so that a process with a wrong sealing key does not start (checklist SD-05). Makes nothing. */
export async function verifySamlKeys(app: App): Promise<void> {
  for (const row of await listSamlKeys(app.db)) app.sealer.open(row.private_key_encrypted, sealContext(row.key_id));
}

const missingIn = (rows: readonly SamlKeyRow[]): { use: KeyUse; state: 'current' | 'next' }[] =>
  keyUses.flatMap((use) =>
    (['current', 'next'] as const)
      .filter((state) => !rows.some((row) => row.key_use === use && row.state === state))
      .map((state) => ({ use, state })),
  );

/** Processes that need keys at the same time make one set (checklist RE-18). */
async function makeMissing(app: App): Promise<void> {
  const call = Call.begin(app, systemActor('keys'));
  const missing = missingIn(await listSamlKeys(call.db));
  const made = await Promise.all(missing.map(({ use, state }) => newKey(call, use, state)));
  await call.write(async (inner) => {
    await lockSamlKeys(inner.db);
    const still = missingIn(await listSamlKeys(inner.db));
    for (const row of made) {
      if (still.some(({ use, state }) => use === row.key_use && state === row.state)) await keep(inner, row);
    }
  });
}

/** On a thread of the pool: RSA takes up to a second of CPU (checklist RE-17). RSA, because every product takes it. */
async function newKey(call: Call, use: KeyUse, state: 'current' | 'next'): Promise<SamlKeyRow> {
  const { privateKey } = await generate('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const key_id = newId(call.now.getTime());
  // A little earlier than now: identity providers' clocks differ.
  const not_before = new Date(call.now.getTime() - 3_600_000);
  const not_after = new Date(call.now.getTime() + lifetimeMs);
  const commonName = new URL(call.app.config.url).hostname;
  return {
    key_id,
    key_use: use,
    state,
    private_key_encrypted: call.app.sealer.seal(pem, sealContext(key_id)),
    certificate_pem: selfSignedCertificate({ privateKey: pem, commonName, notBefore: not_before, notAfter: not_after }),
    not_before,
    not_after,
    created_at: call.now,
    activated_at: state === 'current' ? call.now : null,
    retired_at: null,
  };
}

async function keep(call: Call, row: SamlKeyRow): Promise<void> {
  await insertSamlKey(call.db, row);
  const { key_id, key_use, state } = row;
  await call.emit(samlKeyCreated, { org_id: null, object_id: key_id, details: { key_use, state } });
}

/**
 * One step of a rollover, for an operator: the next keys become current, new next ones are published, and what was current
 * retires. Identity providers that read our metadata daily follow by themselves; the others have to be given it before.
 * @returns how many keys took over; 0 while no connection has needed any
 */
export async function rotateSamlKeys(app: App): Promise<number> {
  let activated = 0;
  const call = Call.begin(app, systemActor('keys'));
  const spare = await Promise.all(keyUses.map((use) => newKey(call, use, 'next')));
  await call.write(async (inner) => {
    activated = 0;
    await lockSamlKeys(inner.db);
    const rows = await listSamlKeys(inner.db);
    for (const row of spare) {
      const of = (state: KeyState) => rows.find((known) => known.key_use === row.key_use && known.state === state);
      const [current, next] = [of('current'), of('next')];
      if (current && next) {
        await updateSamlKey(inner.db, current.key_id, { state: 'retired', retired_at: inner.now });
        await inner.emit(samlKeyRetired, { org_id: null, object_id: current.key_id });
        await updateSamlKey(inner.db, next.key_id, { state: 'current', activated_at: inner.now });
        await inner.emit(samlKeyActivated, { org_id: null, object_id: next.key_id });
        activated += 1;
      }
      if (next) await keep(inner, row);
    }
    for (const key_id of await deleteSamlKeysRetiredBefore(inner.db, new Date(inner.now.getTime() - retiredMs))) {
      await inner.emit(samlKeyRemoved, { org_id: null, object_id: key_id });
    }
  });
  kept.delete(app);
  return activated;
}

/** Seals anew what an older sealing key sealed (checklist SD-04). @returns how many */
export async function resealSamlKeys(app: App): Promise<number> {
  return Call.begin(app, systemActor('keys')).write(async (inner) => {
    await lockSamlKeys(inner.db);
    const stale = (await listSamlKeys(inner.db)).filter((row) => app.sealer.isStale(row.private_key_encrypted));
    for (const { key_id, private_key_encrypted: sealed } of stale) {
      const context = sealContext(key_id);
      await updateSamlKey(inner.db, key_id, {
        private_key_encrypted: app.sealer.seal(app.sealer.open(sealed, context), context),
      });
    }
    return stale.length;
  });
}
