import { binding, nameIdFormat } from './names.ts';
import { samlify } from './samlify.ts';

// Our side of one connection, as data. Every connection has its own entity ID and its own endpoints (the ACS path decides
// the connection, never an Issuer); the keys are the deployment's: the current one, and the next one during a rollover.

export type KeyPair = { privateKey: string; certificate: string };

export type ServiceProvider = {
  entityId: string;
  acsUrl: string;
  sloUrl: string;
  current: KeyPair;
  next?: KeyPair;
  /** Keys that assertions may be encrypted for; those that sign when absent. */
  encryption?: readonly KeyPair[];
};

/**
 * Our metadata for one connection: schema-valid (samlify's default order of elements is not), signing and encryption keys,
 * both of them during a rollover, so that an IdP that reads it before the switch accepts either. The entity ID is stable.
 */
export function serviceProviderMetadata(sp: ServiceProvider): string {
  const certificates = [sp.current, ...(sp.next ? [sp.next] : [])].map((pair) => pair.certificate);
  const metadata = samlify()
    .SPMetadata({
      entityID: sp.entityId,
      authnRequestsSigned: true,
      wantAssertionsSigned: true,
      signingCert: certificates,
      encryptCert: sp.encryption?.map((pair) => pair.certificate) ?? certificates,
      nameIDFormat: [nameIdFormat.persistent, nameIdFormat.email, nameIdFormat.unspecified],
      singleLogoutService: [
        { Binding: binding.redirect, Location: sp.sloUrl },
        { Binding: binding.post, Location: sp.sloUrl },
      ],
      assertionConsumerService: [{ Binding: binding.post, Location: sp.acsUrl, isDefault: true }],
      elementsOrder: samlify().Constants.elementsOrder.shibboleth,
    })
    .getMetadata();
  return `<?xml version="1.0" encoding="UTF-8"?>\n${metadata}`;
}
