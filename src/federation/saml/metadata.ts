import { type Certificate, readCertificate } from './certificate.ts';
import { type RefusalCode, SamlRefusal } from './codes.ts';
import { binding, ns } from './names.ts';
import { isEndpointUrl } from './endpoint-url.ts';
import { parseStrictly } from './parse.ts';
import { samlTime } from './times.ts';
import { attributeOf, childrenNamed, elementsOf, isElement, plainText, type XmlTree } from './tree.ts';

// An identity provider's metadata (SAML metadata §2), read by us and scoped: one entity, its one IDPSSODescriptor for SAML
// 2.0, its signing keys as X.509 certificates. Other roles, which Entra and AD FS put into the same file, and keys for
// encryption only are not looked at. What the file says can only make us stricter (FD-10): WantAuthnRequestsSigned makes us
// sign; nothing in it makes us check less.

export type MetadataOptions = {
  /** Milliseconds since 1970. */
  now: number;
  /** Only by explicit development setting: http sign-on URLs on loopback. */
  allowHttpLoopback?: boolean;
};

export type Endpoint = { binding: 'redirect' | 'post'; location: string; response_location: string | null };

export type IdpMetadata = {
  entity_id: string;
  sso: Endpoint[];
  slo: Endpoint[];
  /** Usable signing certificates, in the order of the file, without repetition. */
  certificates: Certificate[];
  want_authn_requests_signed: boolean;
  name_id_formats: string[];
  valid_until: Date | null;
  display_name: string | null;
};

export type IdpMetadataResult = { ok: true; metadata: IdpMetadata } | { ok: false; code: RefusalCode; detail?: string };

const maxMetadataCharacters = 2 * 1024 * 1024;
const maxCertificates = 5;
const maxEntityIdLength = 1024;

/** Reads an identity provider's metadata, or says why not. Never throws about the text. */
export function readIdpMetadata(text: string, options: MetadataOptions): IdpMetadataResult {
  try {
    return { ok: true, metadata: read(text, options) };
  } catch (error) {
    if (!(error instanceof SamlRefusal)) throw error;
    return error.detail === undefined
      ? { ok: false, code: error.code }
      : { ok: false, code: error.code, detail: error.detail };
  }
}

function read(text: string, { now, allowHttpLoopback = false }: MetadataOptions): IdpMetadata {
  if (text.length > maxMetadataCharacters) throw new SamlRefusal('metadata.too_large');
  // Files of Entra ID and AD FS begin with a byte order mark, files of Shibboleth have comments.
  const { document, tree: entity } = parseStrictly(text.replace(/^\ufeff/, '').trim(), { comments: true });
  document.dispose();
  if (isElement(entity, ns.metadata, 'EntitiesDescriptor')) throw new SamlRefusal('metadata.aggregate');
  if (!isElement(entity, ns.metadata, 'EntityDescriptor')) throw new SamlRefusal('metadata.role');
  const entityId = attributeOf(entity, 'entityID') ?? '';
  if (entityId.trim() === '' || entityId.length > maxEntityIdLength) throw new SamlRefusal('metadata.entity_id');

  const roles = childrenNamed(entity, ns.metadata, 'IDPSSODescriptor').filter(speaksSaml2);
  const [role, ...others] = roles;
  if (!role || others.length > 0) throw new SamlRefusal('metadata.role');
  const ends = [entity, role].map((element) => attributeOf(element, 'validUntil')).filter((end) => end !== undefined);
  const validUntil = ends.length === 0 ? null : Math.min(...ends.map(samlTime));
  if (validUntil !== null && validUntil <= now) throw new SamlRefusal('metadata.expired');

  const usable = (url: string): boolean => isEndpointUrl(url, allowHttpLoopback);
  const sso = endpoints(role, 'SingleSignOnService').filter((endpoint) => usable(endpoint.location));
  if (sso.length === 0) throw new SamlRefusal('metadata.sso_url');
  const slo = endpoints(role, 'SingleLogoutService').filter(
    (e) => usable(e.location) && (e.response_location === null || usable(e.response_location)),
  );
  const wants = attributeOf(role, 'WantAuthnRequestsSigned');
  return {
    entity_id: entityId,
    sso,
    slo,
    certificates: signingCertificates(role),
    want_authn_requests_signed: wants === 'true' || wants === '1',
    name_id_formats: childrenNamed(role, ns.metadata, 'NameIDFormat')
      .map((format) => plainText(format)?.trim() ?? '')
      .filter((format) => format !== ''),
    valid_until: validUntil === null ? null : new Date(validUntil),
    display_name: displayName(entity),
  };
}

function speaksSaml2(role: XmlTree): boolean {
  return (attributeOf(role, 'protocolSupportEnumeration') ?? '').split(/\s+/).includes(ns.protocol);
}

function endpoints(role: XmlTree, name: string): Endpoint[] {
  const names: Record<string, Endpoint['binding']> = { [binding.redirect]: 'redirect', [binding.post]: 'post' };
  return childrenNamed(role, ns.metadata, name).flatMap((element) => {
    const kind = names[attributeOf(element, 'Binding') ?? ''];
    const location = attributeOf(element, 'Location')?.trim() ?? '';
    return kind
      ? [{ binding: kind, location, response_location: attributeOf(element, 'ResponseLocation')?.trim() ?? null }]
      : [];
  });
}

/**
 * The certificates of signing keys (`use="signing"`, or no `use`, which means both). At least one must be there and usable:
 * a KeyName, a bare KeyValue or an empty certificate is no key to us.
 */
function signingCertificates(role: XmlTree): Certificate[] {
  const found = new Map<string, Certificate>();
  for (const descriptor of childrenNamed(role, ns.metadata, 'KeyDescriptor')) {
    const use = attributeOf(descriptor, 'use');
    if (use !== undefined && use !== 'signing') continue;
    const data = childrenNamed(descriptor, ns.signature, 'KeyInfo').flatMap((info) =>
      childrenNamed(info, ns.signature, 'X509Data'),
    );
    // The first certificate of an X509Data is the key's; more of them would be its chain.
    for (const [first] of data.map((one) => childrenNamed(one, ns.signature, 'X509Certificate'))) {
      const certificate = first && tryCertificate(plainText(first) ?? '');
      if (certificate?.usable) found.set(certificate.fingerprint, certificate);
    }
  }
  if (found.size === 0) throw new SamlRefusal('metadata.certificate');
  if (found.size > maxCertificates)
    throw new SamlRefusal('metadata.certificate', `more than ${maxCertificates} certificates`);
  return [...found.values()];
}

function tryCertificate(text: string): Certificate | undefined {
  try {
    return readCertificate(text);
  } catch {
    return undefined;
  }
}

function displayName(entity: XmlTree): string | null {
  const [organization] = childrenNamed(entity, ns.metadata, 'Organization');
  const name =
    organization && elementsOf(organization).find((child) => isElement(child, ns.metadata, 'OrganizationDisplayName'));
  return (name && plainText(name)?.trim()) || null;
}
