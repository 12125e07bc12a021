import { randomBytes } from 'node:crypto';
import { escapeXml, xmlAttribute } from './escape.ts';
import { binding, nameIdFormat, ns } from './names.ts';
import { samlify } from './samlify.ts';
import type { ServiceProvider } from './service-provider.ts';
import { toSamlTime } from './times.ts';

// AuthnRequests (SAML core §3.4, profiles §4.1). samlify signs and encodes; it is given values that we parsed and never
// an IdP's metadata, of which it would believe too much. Its templates always ask for an e-mail address with AllowCreate=false,
// so the text is ours.

export type SsoEndpoint = { binding: 'redirect' | 'post'; location: string };

export type AuthnRequestOptions = {
  serviceProvider: ServiceProvider;
  idpEntityId: string;
  endpoint: SsoEndpoint;
  /** Milliseconds since 1970. */
  now: number;
  sign: boolean;
  forceAuthn?: boolean;
  /** Format of the NameID wanted; null leaves NameIDPolicy out, which every IdP understands. */
  nameIdFormat?: string | null;
  allowCreate?: boolean;
  authnContexts?: string[];
};

export type AuthnRequest = {
  /** Begins with `_`: an xs:ID may not begin with a digit, and Entra ID refuses one that does. */
  id: string;
  /** A random handle of 43 characters: 256 bits, never an address (SA-09). */
  relayState: string;
} & Outgoing;

/** What the browser does next: follow an address, or post a form of two fields. */
export type Outgoing =
  | { method: 'redirect'; url: string }
  | { method: 'post'; url: string; fields: Record<string, string> };

export function messageId(): string {
  return `_${randomBytes(20).toString('hex')}`;
}

/** Builds, signs and encodes an AuthnRequest for the connection's sign-on URL. The caller stores `id` and `relayState`. */
export function createAuthnRequest(options: AuthnRequestOptions): AuthnRequest {
  const { endpoint } = options;
  const id = messageId();
  const relayState = randomBytes(32).toString('base64url');
  const xml = requestXml(id, options);
  const { self, peer } = entities(options);
  const made = self.createLoginRequest(peer, endpoint.binding, {
    relayState,
    customTagReplacement: () => ({ id, context: xml }),
  });
  if (endpoint.binding === 'redirect') return { id, relayState, method: 'redirect', url: made.context };
  return {
    id,
    relayState,
    method: 'post',
    url: endpoint.location,
    fields: { SAMLRequest: made.context, RelayState: relayState },
  };
}

function requestXml(id: string, options: AuthnRequestOptions): string {
  const {
    serviceProvider: sp,
    endpoint,
    nameIdFormat: format = nameIdFormat.unspecified,
    authnContexts = [],
  } = options;
  const policy =
    format === null
      ? ''
      : `<samlp:NameIDPolicy${xmlAttribute('Format', format)} AllowCreate="${options.allowCreate ?? true}"/>`;
  const contexts = authnContexts.map(
    (context) => `<saml:AuthnContextClassRef>${escapeXml(context)}</saml:AuthnContextClassRef>`,
  );
  const requested =
    contexts.length === 0
      ? ''
      : `<samlp:RequestedAuthnContext Comparison="exact">${contexts.join('')}</samlp:RequestedAuthnContext>`;
  return (
    `<samlp:AuthnRequest xmlns:samlp="${ns.protocol}" xmlns:saml="${ns.assertion}" ID="${id}" Version="2.0"` +
    ` IssueInstant="${toSamlTime(options.now)}"${xmlAttribute('Destination', endpoint.location)}` +
    `${options.forceAuthn ? ' ForceAuthn="true"' : ''} ProtocolBinding="${binding.post}"` +
    `${xmlAttribute('AssertionConsumerServiceURL', sp.acsUrl)}><saml:Issuer>${escapeXml(sp.entityId)}</saml:Issuer>` +
    `${policy}${requested}</samlp:AuthnRequest>`
  );
}

function entities({ serviceProvider: sp, idpEntityId, endpoint, sign }: AuthnRequestOptions) {
  const self = samlify().ServiceProvider({
    entityID: sp.entityId,
    authnRequestsSigned: sign,
    privateKey: sp.current.privateKey,
    signingCert: sp.current.certificate,
    requestSignatureAlgorithm: samlify().Constants.algorithms.signature.RSA_SHA256,
    assertionConsumerService: [{ Binding: binding.post, Location: sp.acsUrl }],
    signatureConfig: {
      prefix: 'ds',
      location: { reference: "/*[local-name(.)='AuthnRequest']/*[local-name(.)='Issuer']", action: 'after' },
    },
  });
  const peer = samlify().IdentityProvider({
    entityID: idpEntityId,
    wantAuthnRequestsSigned: sign,
    singleSignOnService: [{ Binding: binding[endpoint.binding], Location: endpoint.location }],
    // Not used by a sign-in; samlify writes to the console where it is absent.
    singleLogoutService: [{ Binding: binding[endpoint.binding], Location: endpoint.location }],
  });
  return { self, peer };
}
