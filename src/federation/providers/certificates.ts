/**
 * The certificates of a connection: at most five that are believed or waiting, so that an identity provider can change its key
 * without a gap (checklist SA-12). A retired one stays in the list, and is not believed.
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { newId } from '../../core/id.ts';
import type { ListQuery, Page } from '../../http/list.ts';
import type { Certificate } from '../saml/certificate.ts';
import {
  certificateAdded,
  certificateRetired,
  manageProviders,
  type NewProviderCertificate,
  type ProviderCertificate,
  readProviders,
} from './schema.ts';
import { usable } from './source.ts';
import {
  deleteCertificate,
  getProvider,
  insertCertificate,
  listCertificateRows,
  lockProvider,
  type ProviderRow,
  pageCertificates,
  settleCertificates,
  updateCertificate,
} from './store.ts';

const maxCertificates = 5;

/**
 * Adds what the connection does not have yet, within a transaction that holds the provider's row.
 * @returns how many were added, or believed again
 * @throws Fault provider_certificates_too_many
 */
export async function keepCertificates(
  call: Call,
  provider: ProviderRow,
  certificates: readonly Certificate[],
  source: ProviderCertificate['source'],
): Promise<number> {
  const known = await listCertificateRows(call.db, provider.provider_id);
  let live = known.filter(({ status }) => status !== 'retired').length;
  let added = 0;
  for (const certificate of certificates) {
    const before = known.find(({ fingerprint_sha256 }) => fingerprint_sha256 === certificate.fingerprint);
    // What an administrator retired does not come back by itself, however long the metadata goes on naming it.
    if (before && (before.status !== 'retired' || source === 'metadata')) continue;
    if (live >= maxCertificates) throw new Fault('provider_certificates_too_many');
    live += 1;
    added += 1;
    const row = before ? { ...before, status: 'active' as const, source } : newRow(call, provider, certificate, source);
    if (before) await updateCertificate(call.db, before.certificate_id, { status: 'active', source });
    else await insertCertificate(call.db, row);
    await call.emit(certificateAdded, { org_id: provider.org_id, object_id: row.certificate_id, after: told(row) });
  }
  return added;
}

const newRow = (
  call: Call,
  { provider_id }: ProviderRow,
  certificate: Certificate,
  source: ProviderCertificate['source'],
): ProviderCertificate => ({
  certificate_id: newId(call.now.getTime()),
  provider_id,
  pem: certificate.pem,
  fingerprint_sha256: certificate.fingerprint,
  subject: certificate.subject.slice(0, 1024) || null,
  not_before: certificate.not_before,
  not_after: certificate.not_after,
  source,
  status: 'active',
  added_at: call.now,
  last_used_at: null,
});

const told = ({ provider_id, fingerprint_sha256, subject, not_before, not_after, source }: ProviderCertificate) => ({
  provider_id,
  fingerprint_sha256,
  subject,
  not_before,
  not_after,
  source,
});

/** @throws Fault not_found, provider_certificate_exists, provider_certificates_too_many, request_invalid */
export async function addCertificate(
  call: Call,
  orgId: string,
  providerId: string,
  { pem }: NewProviderCertificate,
): Promise<ProviderCertificate> {
  call.require(manageProviders, orgId);
  const certificate = usable(pem, 'pem');
  return call.write(async (inner) => {
    const provider = await lockProvider(inner.db, orgId, providerId);
    if (!provider) throw new Fault('not_found');
    const added = await keepCertificates(inner, provider, [certificate], 'manual');
    if (added === 0) throw new Fault('provider_certificate_exists');
    const rows = await listCertificateRows(inner.db, providerId);
    return rows.find(({ fingerprint_sha256 }) => fingerprint_sha256 === certificate.fingerprint) as ProviderCertificate;
  });
}

export async function listCertificates(
  call: Call,
  orgId: string,
  providerId: string,
  page: ListQuery,
): Promise<Page<ProviderCertificate>> {
  call.require(readProviders, orgId);
  if (!(await getProvider(call.db, orgId, providerId))) throw new Fault('not_found');
  return pageCertificates(call.db, providerId, page);
}

/**
 * Stops believing a certificate. A second time changes nothing.
 * @throws Fault not_found, provider_incomplete when an enabled connection would have none left
 */
export async function retireCertificate(
  call: Call,
  orgId: string,
  providerId: string,
  certificateId: string,
): Promise<void> {
  call.require(manageProviders, orgId);
  await call.write(async (inner) => {
    const provider = await lockProvider(inner.db, orgId, providerId);
    const rows = provider ? await listCertificateRows(inner.db, providerId) : [];
    const row = rows.find(({ certificate_id }) => certificate_id === certificateId);
    if (!provider || !row) throw new Fault('not_found');
    if (row.status === 'retired') return;
    await retire(inner, provider, row, 'administrator');
    await settleCertificates(inner.db);
  });
}

/** `absent`: the row goes, so that the certificate is a new one should the metadata ever name it again. */
export async function retire(
  call: Call,
  { org_id }: ProviderRow,
  row: ProviderCertificate,
  reason: 'administrator' | 'absent',
): Promise<void> {
  if (reason === 'absent') await deleteCertificate(call.db, row.certificate_id);
  else await updateCertificate(call.db, row.certificate_id, { status: 'retired' });
  await call.emit(certificateRetired, {
    org_id,
    object_id: row.certificate_id,
    before: told(row),
    details: { reason },
  });
}
