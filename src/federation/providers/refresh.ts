/**
 * Reading metadata again, by hand or daily: new certificates are added; one that is absent goes when it was absent and unused for
 * seven days and is not the last; another entity ID or another host waits for an administrator; when reading fails, the last good
 * copy stays in use (checklist SA-12, SA-13).
 */
import { randomInt } from 'node:crypto';
import type { App } from '../../core/app.ts';
import { Call, systemActor } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { keepCertificates, retire } from './certificates.ts';
import { fullConfig, type MetadataState, type SamlConfig, type Trust } from './config.ts';
import {
  certificateExpiring,
  type IdentityProvider,
  type MetadataUpdate,
  manageProviders,
  metadataFailed,
  metadataPending,
} from './schema.ts';
import { change, shown } from './service.ts';
import { fetchMetadata, fromMetadata, type Source } from './source.ts';
import {
  getProvider,
  listCertificateRows,
  listDueProviders,
  listExpiring,
  lockProvider,
  type ProviderRow,
  settleCertificates,
  updateProviderRow,
} from './store.ts';

const hour = 3_600_000;
const day = 24 * hour;
/** A certificate that the metadata no longer has is believed for so long, and longer while it is used. */
const graceMs = 7 * day;
/** Days before its end at which a warning is given. */
const warnings = [60, 30, 14, 7, 1];

/** A connection as it was when its metadata was read, and what was there. */
export interface ReadMetadata {
  readonly asked: ProviderRow;
  readonly url: string;
  readonly source: Source;
}

/**
 * Reads a connection's metadata now, and changes nothing.
 * @throws Fault not_found, provider_metadata_missing, provider_metadata_refused, egress_refused, egress_failed
 */
export async function readMetadata(call: Call, orgId: string, providerId: string): Promise<ReadMetadata> {
  call.require(manageProviders, orgId);
  const asked = await getProvider(call.db, orgId, providerId);
  if (!asked) throw new Fault('not_found');
  const { metadata_url: url } = fullConfig(asked.config);
  if (url === null) throw new Fault('provider_metadata_missing');
  // By hand always the whole file: an administrator who asks wants to see what is there.
  const { metadata, etag } = await fetchMetadata(call, url, null);
  if (!metadata) throw new Fault('provider_metadata_refused', 'There was nothing at the address.');
  return { asked, url, source: fromMetadata(metadata, etag) };
}

/**
 * Takes over what `readMetadata` read.
 * @throws Fault not_found, provider_entity_taken, provider_certificates_too_many
 */
export async function refreshProvider(
  call: Call,
  orgId: string,
  { asked, url, source }: ReadMetadata,
  { accept_changes = false }: MetadataUpdate,
): Promise<IdentityProvider> {
  call.require(manageProviders, orgId);
  return shown(call, await take(call, asked, url, source, accept_changes));
}

/** Takes over what was read; `source` null: it is still the copy that is known. */
function take(
  call: Call,
  { org_id, provider_id }: ProviderRow,
  url: string,
  source: Source | null,
  accept: boolean,
): Promise<ProviderRow> {
  return call.write(async (inner) => {
    const before = await lockProvider(inner.db, org_id, provider_id);
    if (!before) throw new Fault('not_found');
    const config = fullConfig(before.config);
    // The address was changed while it was being read: what came from the old one is of no interest.
    if (config.metadata_url !== url) return before;
    const at = inner.now.toISOString();
    const state: MetadataState = { ...config.metadata, checked_at: at, read_at: at, problem: null };
    if (source === null) return keep(inner, before, { ...config, metadata: await tidy(inner, before, state) });
    const trust = source.trust as Trust;
    if (!accept && waits(config, trust)) return hold(inner, before, config, { ...state, etag: source.etag }, trust);
    await keepCertificates(inner, before, source.certificates, 'metadata');
    const named = new Set(source.certificates.map(({ fingerprint }) => fingerprint));
    const absent = await noteAbsent(inner, before, state, named);
    const metadata = await tidy(inner, before, { ...state, etag: source.etag, pending: null, absent });
    const row = await change(inner, before, before, { ...config, ...trust, metadata });
    await settleCertificates(inner.db);
    return row;
  });
}

/** Another identity provider, or another place to send people to: not without an administrator. */
function waits(config: SamlConfig, trust: Trust): boolean {
  if (config.idp_entity_id === null) return false;
  if (config.idp_entity_id !== trust.idp_entity_id) return true;
  const hosts = new Set([...config.sso, ...config.slo].map(({ location }) => new URL(location).host));
  return [...trust.sso, ...trust.slo].some(({ location, response_location }) =>
    [location, response_location ?? location].some((address) => !hosts.has(new URL(address).host)),
  );
}

async function hold(
  call: Call,
  before: ProviderRow,
  config: SamlConfig,
  state: MetadataState,
  trust: Trust,
): Promise<ProviderRow> {
  const earlier = config.metadata.pending;
  const same = earlier?.idp_entity_id === trust.idp_entity_id && earlier.sso[0]?.location === trust.sso[0]?.location;
  const pending = { ...trust, since: same ? earlier.since : call.now.toISOString() };
  // Without the ETag the file is read again until somebody decided, and nothing of it is forgotten as known.
  const row = await keep(call, before, { ...config, metadata: { ...state, etag: null, pending } });
  if (!same) {
    await call.emit(metadataPending, {
      org_id: before.org_id,
      object_id: before.provider_id,
      details: { idp_entity_id: trust.idp_entity_id, sso: trust.sso },
    });
  }
  return row;
}

const keep = (call: Call, before: ProviderRow, config: SamlConfig): Promise<ProviderRow> =>
  updateProviderRow(call.db, before.provider_id, { config });

/** Since when each certificate from metadata is missing there. */
async function noteAbsent(
  call: Call,
  { provider_id }: ProviderRow,
  state: MetadataState,
  named: ReadonlySet<string>,
): Promise<Record<string, string>> {
  const rows = await listCertificateRows(call.db, provider_id);
  return Object.fromEntries(
    rows
      .filter((row) => row.source === 'metadata' && row.status === 'active' && !named.has(row.fingerprint_sha256))
      .map(({ fingerprint_sha256: name }) => [name, state.absent[name] ?? call.now.toISOString()]),
  );
}

/** Lets certificates go that are absent and unused for seven days, while another one stays. */
async function tidy(call: Call, before: ProviderRow, state: MetadataState): Promise<MetadataState> {
  const rows = (await listCertificateRows(call.db, before.provider_id)).filter(({ status }) => status === 'active');
  const limit = call.now.getTime() - graceMs;
  const absent = { ...state.absent };
  let left = rows.length;
  for (const row of rows) {
    const since = absent[row.fingerprint_sha256];
    const isUnused = row.last_used_at === null || row.last_used_at.getTime() < limit;
    if (since === undefined || Date.parse(since) > limit || !isUnused || left === 1) continue;
    await retire(call, before, row, 'absent');
    delete absent[row.fingerprint_sha256];
    left -= 1;
  }
  return { ...state, absent };
}

/**
 * The daily job: reads what was not looked at for about a day, and warns of certificates that end. Several processes may run it;
 * each connection is looked at by one of them.
 * @returns how many were looked at
 */
export async function refreshDueProviders(app: App): Promise<number> {
  const call = Call.begin(app, systemActor('federation'));
  await warnOfExpiry(call);
  // An hour of jitter, so that not all connections of an installation ask at the same minute.
  const before = new Date(call.now.getTime() - day + randomInt(hour));
  const due = await listDueProviders(call.db, before, 50);
  for (const row of due) {
    const { metadata_url, metadata } = fullConfig(row.config);
    if (metadata_url === null || !(await claim(call, row, metadata.checked_at))) continue;
    try {
      const read = await fetchMetadata(call, metadata_url, metadata.etag);
      await take(call, row, metadata_url, read.metadata && fromMetadata(read.metadata, read.etag), false);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      await noteFailure(call, row, metadata_url, error);
    }
  }
  return due.length;
}

/** One process looks: whoever first writes that it does. */
const claim = (call: Call, { org_id, provider_id }: ProviderRow, seen: string | null): Promise<boolean> =>
  call.write(async (inner) => {
    const row = await lockProvider(inner.db, org_id, provider_id);
    const config = row && fullConfig(row.config);
    if (!row || !config || config.metadata.checked_at !== seen) return false;
    await keep(inner, row, { ...config, metadata: { ...config.metadata, checked_at: inner.now.toISOString() } });
    return true;
  });

async function noteFailure(call: Call, row: ProviderRow, url: string, fault: Fault): Promise<void> {
  await call.write(async (inner) => {
    const before = await lockProvider(inner.db, row.org_id, row.provider_id);
    const config = before && fullConfig(before.config);
    if (!before || !config || config.metadata_url !== url) return;
    const problem = fault.detail ?? fault.says;
    await keep(inner, before, { ...config, metadata: { ...config.metadata, problem } });
    if (config.metadata.problem !== null) return;
    const about = { org_id: row.org_id, object_id: row.provider_id };
    await inner.emit(metadataFailed, { ...about, result: 'failure', details: { fault: fault.code, problem } });
  });
}

/** One event at 60, 30, 14, 7 and 1 days before a certificate ends, which is when identity providers change keys. */
async function warnOfExpiry(call: Call): Promise<void> {
  const furthest = new Date(call.now.getTime() + (warnings[0] ?? 0) * day);
  for (const certificate of await listExpiring(call.db, furthest)) {
    const ends = certificate.not_after?.getTime() ?? Number.POSITIVE_INFINITY;
    const days = Math.floor((ends - call.now.getTime()) / day);
    const step = warnings.filter((at) => days <= at).at(-1);
    if (step === undefined) continue;
    await call.write(async (inner) => {
      const row = await lockProvider(inner.db, certificate.org_id, certificate.provider_id);
      const config = row && fullConfig(row.config);
      const name = certificate.fingerprint_sha256;
      if (!row || !config || (config.metadata.warned[name] ?? Number.POSITIVE_INFINITY) <= step) return;
      const warned = { ...config.metadata.warned, [name]: step };
      await keep(inner, row, { ...config, metadata: { ...config.metadata, warned } });
      await inner.emit(certificateExpiring, {
        org_id: certificate.org_id,
        object_id: certificate.certificate_id,
        details: { provider_id: certificate.provider_id, not_after: certificate.not_after, days },
      });
    });
  }
}
