/**
 * Where trust in an identity provider comes from: its metadata, as a file or from an address, or the values that an administrator
 * typed. What a file says can only make us stricter (checklist FD-10): it brings addresses and certificates, never a policy.
 * HTTP and XML happen here, before any transaction.
 */
import type { Call } from '../../core/call.ts';
import { Fault } from '../../core/fault.ts';
import { isHostile, refuseField } from '../../core/text.ts';
import { type Certificate, readCertificate } from '../saml/certificate.ts';
import { explain, type RefusalCode } from '../saml/codes.ts';
import { isEndpointUrl } from '../saml/endpoint-url.ts';
import type { Endpoint, IdpMetadata } from '../saml/metadata.ts';
import { samlPool } from '../saml-pool.ts';
import type { Trust } from './config.ts';
import type { ProviderConfigInput } from './schema.ts';

/** Most bytes of a metadata file, and milliseconds for fetching one. */
const maxBytes = 2 * 1024 * 1024;
const timeoutMs = 10_000;

export interface Source {
  /** Null when nothing was said about it. */
  readonly trust: Partial<Trust> | null;
  readonly certificates: readonly Certificate[];
  readonly from: 'manual' | 'metadata';
  readonly etag: string | null;
}

/**
 * What a configuration that came in says about trust.
 * @throws Fault provider_config_invalid for two sources at once, provider_metadata_refused, egress_refused, egress_failed
 */
export async function readSource(call: Call, input: ProviderConfigInput): Promise<Source> {
  const manual = ['idp_entity_id', 'sso_url', 'slo_url', 'certificates'] as const;
  const typed = manual.filter((name) => input[name] !== undefined);
  const given = [...(input.metadata_xml ? ['metadata_xml'] : []), ...(input.metadata_url ? ['metadata_url'] : [])];
  if (given.length > 1 || (given.length === 1 && typed.length > 0)) {
    throw new Fault(
      'provider_config_invalid',
      'Give metadata_xml, or metadata_url, or the values themselves: one of them.',
    );
  }
  if (input.metadata_xml) return fromMetadata(await parse(call, input.metadata_xml), null);
  if (input.metadata_url) {
    const { metadata, etag } = await fetchMetadata(call, input.metadata_url, null);
    if (!metadata) throw new Fault('provider_metadata_refused', 'There was nothing at the address.');
    return fromMetadata(metadata, etag);
  }
  return {
    trust: typedTrust(call, input),
    certificates: (input.certificates ?? []).map((pem, index) => usable(pem, `config/certificates/${index}`)),
    from: 'manual',
    etag: null,
  };
}

export const fromMetadata = ({ entity_id, sso, slo, certificates }: IdpMetadata, etag: string | null): Source => ({
  trust: { idp_entity_id: entity_id, sso, slo },
  certificates,
  from: 'metadata',
  etag,
});

/**
 * Reads metadata from its address.
 * @param etag of the copy that is known; metadata is null when it is still the same one
 * @throws Fault provider_metadata_refused, egress_refused, egress_failed, too_many_requests
 */
export async function fetchMetadata(
  call: Call,
  url: string,
  etag: string | null,
): Promise<{ metadata: IdpMetadata | null; etag: string | null }> {
  const read = () =>
    call.app.fetch(url, {
      headers: {
        accept: 'application/samlmetadata+xml, application/xml, text/xml;q=0.9, */*;q=0.1',
        ...(etag === null ? {} : { 'if-none-match': etag }),
      },
      maxBytes,
      timeoutMs,
      redirects: 3,
    });
  const answer = await call.app.waitOutside(call, read);
  if (answer.status === 304 && etag !== null) return { metadata: null, etag };
  if (answer.status !== 200) throw new Fault('egress_failed', `The address answered ${answer.status}.`);
  const seen = answer.headers.etag;
  return { metadata: await parse(call, answer.body), etag: seen && seen.length <= 256 ? seen : null };
}

async function parse(call: Call, text: string): Promise<IdpMetadata> {
  const result = await samlPool.readIdpMetadata(text, {
    now: call.now.getTime(),
    allowHttpLoopback: call.app.config.development,
  });
  if (!result.ok) {
    if (result.code === 'busy') throw new Fault('busy');
    throw new Fault('provider_metadata_refused', sentenceOf(result.code));
  }
  return result.metadata;
}

const sentenceOf = (code: RefusalCode): string => {
  const { sentence, remedy } = explain(code);
  return `${sentence} ${remedy}`;
};

/** A signing certificate as an administrator gives it. @throws Fault request_invalid */
export function usable(pem: string, field: string): Certificate {
  let certificate: Certificate;
  try {
    certificate = readCertificate(pem);
  } catch {
    return refuseField(field, 'must be an X.509 certificate in PEM');
  }
  if (!certificate.usable) {
    return refuseField(field, 'must have an RSA key of 2048 to 8192 bits, or a key on a NIST curve');
  }
  return certificate;
}

function typedTrust(call: Call, { idp_entity_id, sso_url, slo_url }: ProviderConfigInput): Partial<Trust> | null {
  const trust: { idp_entity_id?: string; sso?: Endpoint[]; slo?: Endpoint[] } = {};
  if (idp_entity_id !== undefined) trust.idp_entity_id = entityId(idp_entity_id);
  if (sso_url !== undefined) trust.sso = endpoints(call, 'sso_url', sso_url);
  if (slo_url !== undefined) trust.slo = slo_url === null ? [] : endpoints(call, 'slo_url', slo_url);
  return Object.keys(trust).length === 0 ? null : trust;
}

/** Compared exactly, so nothing of it is changed; free text occurs (JumpCloud), control characters do not. */
function entityId(text: string): string {
  if (text.trim() !== text || text === '' || isHostile(text) || Buffer.byteLength(text) > 2048) {
    refuseField('config/idp_entity_id', 'must be the entity ID exactly, without space around it');
  }
  return text;
}

/** An address that was typed takes requests by redirect, as every product does, and by POST where it is asked to. */
function endpoints(call: Call, field: string, location: string): Endpoint[] {
  if (!isEndpointUrl(location, call.app.config.development)) refuseField(`config/${field}`, 'must be an https address');
  return (['redirect', 'post'] as const).map((binding) => ({ binding, location, response_location: null }));
}
