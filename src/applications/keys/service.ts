/**
 * Signing keys of the OpenID provider (RFC 7517): published as `next` before they sign as `current`, published as `retired`
 * after, until nothing that they signed is in use.
 * Tables: signing_keys. Events: signing_key.created, .activated, .retired, .removed.
 * Invariant: at most one current and one next key per algorithm; private halves are sealed to their row and go when the key
 * retires (SD-01, TK-08, TK-10).
 */
import { createHash, generateKeyPair, type JsonWebKey } from 'node:crypto';
import { promisify } from 'node:util';
import type { App } from '../../core/app.ts';
import { Call, systemActor } from '../../core/call.ts';
import { reading } from '../../db/transact.ts';
import {
  type KeyAlgorithm,
  keyAlgorithms,
  type SigningKey,
  signingKeyActivated,
  signingKeyCreated,
  signingKeyRemoved,
  signingKeyRetired,
} from './schema.ts';
import { deleteKey, deleteRetiredBefore, insertKey, type KeyRow, listKeys, lockKeys, updateKey } from './store.ts';

const day = 24 * 60 * 60 * 1000;
/** A key signs for so long. */
const signsMs = 90 * day;
/** A next key is published at least so long before it signs; far above the max-age of the JWKS (five minutes). */
const publishedMs = day;
/** A retired key verifies for so long: ID tokens live an hour, but serve as id_token_hint at sign-out for weeks. */
const retiredMs = 30 * day;

const generate = promisify(generateKeyPair);
const sealContext = (kid: string): string => `signing_keys:private_jwk_encrypted:${kid}`;

/** Made on a thread of the pool: RSA takes up to a second of CPU (RE-17). */
async function makeJwk(alg: KeyAlgorithm): Promise<JsonWebKey> {
  const { privateKey } =
    alg === 'RS256' ? await generate('rsa', { modulusLength: 2048 }) : await generate('ec', { namedCurve: 'P-256' });
  return privateKey.export({ format: 'jwk' });
}

/** RFC 7638: the hash of the members that define the public key, in lexicographic order. */
function thumbprint({ crv, e, kty, n, x, y }: JsonWebKey): string {
  const members = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

async function newKey(call: Call, alg: KeyAlgorithm, state: 'next' | 'current'): Promise<KeyRow> {
  const jwk = await makeJwk(alg);
  const kid = thumbprint(jwk);
  const { d: _, p: __, q: ___, dp: ____, dq: _____, qi: ______, ...publicHalf } = jwk;
  return {
    kid,
    alg,
    state,
    public_jwk: { ...publicHalf, kid, alg, use: 'sig' },
    private_jwk_encrypted: call.app.sealer.seal(JSON.stringify(jwk), sealContext(kid)),
    created_at: call.now,
    activated_at: state === 'current' ? call.now : null,
    retired_at: null,
  };
}

async function keep(call: Call, row: KeyRow): Promise<void> {
  await insertKey(call.db, row);
  await call.emit(signingKeyCreated, { org_id: null, object_id: row.kid, details: { alg: row.alg, state: row.state } });
}

/** Makes what is missing at the first start. Processes that start together make one set (RE-18). */
export async function ensureSigningKeys(app: App): Promise<void> {
  const call = Call.begin(app, systemActor('keys'));
  const present = new Set((await listKeys(call.db)).filter(({ state }) => state === 'current').map(({ alg }) => alg));
  const missing = keyAlgorithms.filter((alg) => !present.has(alg));
  if (missing.length === 0) return;
  const made = await Promise.all(missing.map((alg) => newKey(call, alg, 'current')));
  await call.write(async (inner) => {
    await lockKeys(inner.db);
    const now = new Set((await listKeys(inner.db)).filter(({ state }) => state === 'current').map(({ alg }) => alg));
    for (const row of made) if (!now.has(row.alg)) await keep(inner, row);
  });
}

/**
 * Every published key, those that sign first.
 * @throws SealError when the sealing key of this process did not seal them: then it must not start (SD-05)
 */
export async function loadSigningKeys(app: App): Promise<SigningKey[]> {
  const rows = await reading(() => listKeys(app.db));
  const order = { current: 0, next: 1, retired: 2 } as const;
  return rows
    .toSorted(
      (left, right) =>
        order[left.state] - order[right.state] || keyAlgorithms.indexOf(left.alg) - keyAlgorithms.indexOf(right.alg),
    )
    .map(({ kid, alg, state, public_jwk, private_jwk_encrypted }) => {
      const half =
        private_jwk_encrypted === null ? {} : JSON.parse(app.sealer.open(private_jwk_encrypted, sealContext(kid)));
      return { kid, alg, state, jwk: Object.freeze({ ...half, ...public_jwk }) };
    });
}

/**
 * One step of rotation for every algorithm: a next key that was published long enough begins to sign, the current one retires,
 * and a new next one is published.
 * @param force whether to rotate although the current key is young; the time of publication is kept all the same
 * @returns the kids that began to sign
 */
export async function rotateSigningKeys(app: App, force = false): Promise<string[]> {
  const call = Call.begin(app, systemActor('keys'));
  const rows = await listKeys(call.db);
  const due = keyAlgorithms.filter((alg) => {
    const current = rows.find((row) => row.alg === alg && row.state === 'current');
    return (
      force || !current?.activated_at || call.now.getTime() - current.activated_at.getTime() >= signsMs - publishedMs
    );
  });
  const spare = await Promise.all(due.map((alg) => newKey(call, alg, 'next')));
  return call.write(async (inner) => {
    await lockKeys(inner.db);
    const begun: string[] = [];
    for (const row of spare) {
      const now = (await listKeys(inner.db)).filter(({ alg }) => alg === row.alg);
      const next = now.find(({ state }) => state === 'next');
      if (!next) await keep(inner, row);
      else if (call.now.getTime() - next.created_at.getTime() >= publishedMs) {
        await promote(inner, now, next);
        await keep(inner, row);
        begun.push(next.kid);
      }
    }
    for (const kid of await deleteRetiredBefore(inner.db, new Date(call.now.getTime() - retiredMs))) {
      await inner.emit(signingKeyRemoved, { org_id: null, object_id: kid, details: { reason: 'expired' } });
    }
    return begun;
  });
}

async function promote(call: Call, rows: readonly KeyRow[], next: KeyRow): Promise<void> {
  const current = rows.find(({ state }) => state === 'current');
  if (current) {
    await updateKey(call.db, current.kid, { state: 'retired', retired_at: call.now, private_jwk_encrypted: null });
    await call.emit(signingKeyRetired, { org_id: null, object_id: current.kid });
  }
  await updateKey(call.db, next.kid, { state: 'current', activated_at: call.now });
  await call.emit(signingKeyActivated, { org_id: null, object_id: next.kid });
}

/**
 * Removes a key that is no longer to be trusted: it leaves the JWKS, what it signed is refused by this server within seconds
 * (TK-09), and another key signs at once.
 * @returns whether there was such a key
 */
export async function removeSigningKey(app: App, kid: string, reason: string): Promise<boolean> {
  const call = Call.begin(app, systemActor('keys'));
  const removed = await call.write(async (inner) => {
    await lockKeys(inner.db);
    const rows = await listKeys(inner.db);
    const gone = rows.find((row) => row.kid === kid);
    if (!gone || !(await deleteKey(inner.db, kid))) return false;
    await inner.emit(signingKeyRemoved, { org_id: null, object_id: kid, details: { reason } });
    const next = rows.find(({ alg, state }) => alg === gone.alg && state === 'next');
    if (gone.state === 'current' && next) {
      await promote(
        inner,
        rows.filter((row) => row.kid !== kid && row.alg === gone.alg),
        next,
      );
    }
    return true;
  });
  if (removed) await ensureSigningKeys(app);
  return removed;
}

/** Seals anew what an older sealing key sealed (SD-04). @returns how many */
export async function resealSigningKeys(app: App): Promise<number> {
  return Call.begin(app, systemActor('keys')).write(async (inner) => {
    await lockKeys(inner.db);
    let count = 0;
    for (const { kid, private_jwk_encrypted: sealed } of await listKeys(inner.db)) {
      if (sealed === null || !app.sealer.isStale(sealed)) continue;
      const context = sealContext(kid);
      await updateKey(inner.db, kid, {
        private_jwk_encrypted: app.sealer.seal(app.sealer.open(sealed, context), context),
      });
      count += 1;
    }
    return count;
  });
}
