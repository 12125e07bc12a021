import { certificateBody } from '../../../src/federation/saml/certificate.ts';
import { keys } from './keys.ts';
import { idpEntityId } from './messages.ts';

export type MetadataParts = {
  entityId?: string;
  keyDescriptors?: string;
  sso?: string;
  slo?: string;
  role?: (inner: string) => string;
  roleAttributes?: string;
  entityAttributes?: string;
  before?: string;
  after?: string;
};

const x509 = (pem: string): string =>
  `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${certificateBody(pem)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`;
export const keyDescriptor = (pem: string, use?: string): string =>
  `<md:KeyDescriptor${use ? ` use="${use}"` : ''}>${x509(pem)}</md:KeyDescriptor>`;
export const endpoint = (
  name: string,
  binding: 'HTTP-Redirect' | 'HTTP-POST' | 'SOAP' | 'HTTP-Artifact',
  location: string,
): string => `<md:${name} Binding="urn:oasis:names:tc:SAML:2.0:bindings:${binding}" Location="${location}"/>`;

/** An identity provider's metadata with every part replaceable. */
export function idpMetadataXml(parts: MetadataParts = {}): string {
  const inner =
    (parts.keyDescriptors ?? keyDescriptor(keys.idp().certificate, 'signing')) +
    (parts.slo ?? endpoint('SingleLogoutService', 'HTTP-Redirect', 'https://idp.example/slo')) +
    '<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>' +
    (parts.sso ??
      endpoint('SingleSignOnService', 'HTTP-Redirect', 'https://idp.example/sso') +
        endpoint('SingleSignOnService', 'HTTP-POST', 'https://idp.example/sso'));
  const role =
    parts.role?.(inner) ??
    `<md:IDPSSODescriptor${parts.roleAttributes ?? ' WantAuthnRequestsSigned="true"'} protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">${inner}</md:IDPSSODescriptor>`;
  return `${parts.before ?? ''}<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${parts.entityId ?? idpEntityId}"${parts.entityAttributes ?? ''}>${role}${parts.after ?? ''}</md:EntityDescriptor>`;
}
