import type { NameId } from './assertion.ts';
import { escapeXml, xmlAttribute } from './escape.ts';
import { binding, ns, statusSuccess } from './names.ts';
import { samlify } from './samlify.ts';
import { messageId, type Outgoing } from './request.ts';
import type { ServiceProvider } from './service-provider.ts';
import { toSamlTime } from './times.ts';

// Single logout (SAML core §3.7): what goes out. Always signed; samlify signs and encodes what we wrote.

export type LogoutEndpoint = { binding: 'redirect' | 'post'; location: string; response_location?: string | null };
type Parties = { serviceProvider: ServiceProvider; idpEntityId: string; endpoint: LogoutEndpoint; now: number };

/** A signed LogoutRequest for one session: the NameID goes out exactly as it came in, with all its qualifiers. */
export function createLogoutRequest(
  options: Parties & { nameId: NameId; sessionIndex: string | null; relayState?: string },
): { id: string } & Outgoing {
  const { nameId, sessionIndex, now } = options;
  const id = messageId();
  const xml =
    `<samlp:LogoutRequest xmlns:samlp="${ns.protocol}" xmlns:saml="${ns.assertion}" ID="${id}" Version="2.0" IssueInstant="${toSamlTime(now)}"` +
    ` NotOnOrAfter="${toSamlTime(now + 300_000)}"${xmlAttribute('Destination', options.endpoint.location)}>` +
    `<saml:Issuer>${escapeXml(options.serviceProvider.entityId)}</saml:Issuer>` +
    `<saml:NameID${xmlAttribute('NameQualifier', nameId.name_qualifier)}${xmlAttribute('SPNameQualifier', nameId.sp_name_qualifier)}` +
    `${xmlAttribute('Format', nameId.name_id_format)}>${escapeXml(nameId.name_id ?? '')}</saml:NameID>` +
    `${sessionIndex === null ? '' : `<samlp:SessionIndex>${escapeXml(sessionIndex)}</samlp:SessionIndex>`}</samlp:LogoutRequest>`;
  const { self, peer } = entities(options, options.endpoint.location);
  const relayState = options.relayState ?? '';
  const customTagReplacement = (): { id: string; context: string } => ({ id, context: xml });
  const made = self.createLogoutRequest(peer, options.endpoint.binding, {}, { relayState, customTagReplacement });
  return { id, ...outgoing(options.endpoint, options.endpoint.location, 'SAMLRequest', made.context, relayState) };
}

/** A signed LogoutResponse to a LogoutRequest: Success, or Responder with PartialLogout when something could not be ended. */
export function createLogoutResponse(
  options: Parties & { inResponseTo: string; success: boolean; relayState?: string | null },
): { id: string } & Outgoing {
  const id = messageId();
  const location = options.endpoint.response_location ?? options.endpoint.location;
  const partial =
    '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:PartialLogout"/></samlp:StatusCode>';
  const xml =
    `<samlp:LogoutResponse xmlns:samlp="${ns.protocol}" xmlns:saml="${ns.assertion}" ID="${id}" Version="2.0" IssueInstant="${toSamlTime(options.now)}"` +
    `${xmlAttribute('Destination', location)}${xmlAttribute('InResponseTo', options.inResponseTo)}>` +
    `<saml:Issuer>${escapeXml(options.serviceProvider.entityId)}</saml:Issuer>` +
    `<samlp:Status>${options.success ? `<samlp:StatusCode Value="${statusSuccess}"/>` : partial}</samlp:Status></samlp:LogoutResponse>`;
  const { self, peer } = entities(options, location);
  const relayState = options.relayState ?? '';
  const customTagReplacement = (): { id: string; context: string } => ({ id, context: xml });
  const made = self.createLogoutResponse(peer, { extract: {} }, options.endpoint.binding, {
    relayState,
    customTagReplacement,
  });
  return { id, ...outgoing(options.endpoint, location, 'SAMLResponse', made.context, relayState) };
}

function outgoing(
  endpoint: LogoutEndpoint,
  url: string,
  parameter: string,
  context: string,
  relayState: string,
): Outgoing {
  if (endpoint.binding === 'redirect') return { method: 'redirect', url: context };
  return {
    method: 'post',
    url,
    fields: { [parameter]: context, ...(relayState === '' ? {} : { RelayState: relayState }) },
  };
}

function entities({ serviceProvider: sp, idpEntityId, endpoint }: Parties, location: string) {
  const self = samlify().ServiceProvider({
    entityID: sp.entityId,
    privateKey: sp.current.privateKey,
    signingCert: sp.current.certificate,
    requestSignatureAlgorithm: samlify().Constants.algorithms.signature.RSA_SHA256,
    assertionConsumerService: [{ Binding: binding.post, Location: sp.acsUrl }],
    signatureConfig: { prefix: 'ds', location: { reference: "/*/*[local-name(.)='Issuer']", action: 'after' } },
  });
  const peer = samlify().IdentityProvider({
    entityID: idpEntityId,
    wantLogoutRequestSigned: true,
    wantLogoutResponseSigned: true,
    singleSignOnService: [{ Binding: binding.redirect, Location: location }],
    singleLogoutService: [{ Binding: binding[endpoint.binding], Location: location }],
  });
  return { self, peer };
}
