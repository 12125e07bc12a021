/** What `identity_providers.config` holds for SAML, with everything that is absent filled in, and our side of a connection. */
import type { Endpoint } from '../saml/metadata.ts';
import { nameIdFormat } from '../saml/names.ts';
import type { ServiceProvider } from '../saml/service-provider.ts';
import type { IdentityProvider, ProviderConfig, SamlPolicy } from './schema.ts';

/** How reading `metadata_url` went; times are ISO texts. */
export interface MetadataState {
  readonly etag: string | null;
  readonly checked_at: string | null;
  readonly read_at: string | null;
  readonly problem: string | null;
  readonly pending: (Trust & { readonly since: string }) | null;
  /** Fingerprints of certificates that the metadata no longer has, and since when. */
  readonly absent: Readonly<Record<string, string>>;
  /** Fingerprints of certificates about whose end was warned, and at how many days. */
  readonly warned: Readonly<Record<string, number>>;
}

/** Whom we believe, and where it is. */
export interface Trust {
  readonly idp_entity_id: string;
  readonly sso: readonly Endpoint[];
  readonly slo: readonly Endpoint[];
}

export interface SamlConfig extends SamlPolicy {
  readonly idp_entity_id: string | null;
  readonly sso: readonly Endpoint[];
  readonly slo: readonly Endpoint[];
  readonly metadata_url: string | null;
  readonly metadata: MetadataState;
}

export const noMetadata: MetadataState = {
  etag: null,
  checked_at: null,
  read_at: null,
  problem: null,
  pending: null,
  absent: {},
  warned: {},
};

const usual: Omit<SamlConfig, 'metadata'> = {
  idp_entity_id: null,
  sso: [],
  slo: [],
  metadata_url: null,
  want_response_signed: false,
  want_assertion_signed: false,
  want_encrypted: false,
  allow_cbc: false,
  subject_attribute: null,
  name_id_format: 'unspecified',
  requested_contexts: [],
  force_authn: false,
  idp_initiated: 'refuse',
  landing_client_id: null,
  login_hint_parameter: null,
  role_mapping: [],
  sso_binding: null,
};

export const policyNames = [
  'want_response_signed',
  'want_assertion_signed',
  'want_encrypted',
  'allow_cbc',
  'subject_attribute',
  'name_id_format',
  'requested_contexts',
  'force_authn',
  'idp_initiated',
  'landing_client_id',
  'login_hint_parameter',
  'role_mapping',
  'sso_binding',
] as const satisfies readonly (keyof SamlPolicy)[];

/** A row's jsonb as a whole configuration. */
export function fullConfig(stored: Record<string, unknown>): SamlConfig {
  const { metadata, ...rest } = stored as Partial<SamlConfig>;
  return { ...usual, ...rest, metadata: { ...noMetadata, ...metadata } };
}

/** The endpoint that requests go to: the binding that the connection prefers, else redirect, which needs no page of ours. */
export function ssoEndpoint(config: SamlConfig): Endpoint | undefined {
  const of = (binding: string | null) => config.sso.find((endpoint) => endpoint.binding === binding);
  return of(config.sso_binding) ?? of('redirect') ?? config.sso[0];
}

export const sloEndpoint = (config: SamlConfig): Endpoint | undefined =>
  config.slo.find(({ binding }) => binding === 'redirect') ?? config.slo[0];

/** The standard's name of the wanted NameID format; null when none is asked for. */
export const wantedNameIdFormat = ({ name_id_format }: SamlConfig): string | null =>
  name_id_format === null ? null : nameIdFormat[name_id_format];

/** Whether somebody could sign in, but for a certificate, which the database looks at. */
export const isComplete = (config: SamlConfig): boolean => config.idp_entity_id !== null && config.sso.length > 0;

export type SpAddresses = IdentityProvider['sp'];

/** Our addresses for one connection. They never change: the entity ID is stable (SAML2int SDP-MD06). */
export function spAddresses(url: string, providerId: string): SpAddresses {
  const own = `${url}/saml/${providerId}`;
  return {
    entity_id: `${own}/metadata`,
    acs_url: `${own}/acs`,
    slo_url: `${own}/slo`,
    metadata_url: `${own}/metadata`,
    login_url: `${own}/login`,
  };
}

/** Our side of a connection for the functions of `saml/`. */
export function serviceProviderOf(
  url: string,
  providerId: string,
  keys: Pick<ServiceProvider, 'current' | 'next' | 'encryption'>,
): ServiceProvider {
  const { entity_id, acs_url, slo_url } = spAddresses(url, providerId);
  return { entityId: entity_id, acsUrl: acs_url, sloUrl: slo_url, ...keys };
}

/** What is told about the configuration. */
export function shownConfig(config: SamlConfig): ProviderConfig {
  const policy = Object.fromEntries(policyNames.map((name) => [name, config[name]])) as unknown as SamlPolicy;
  return {
    idp_entity_id: config.idp_entity_id,
    sso_url: ssoEndpoint(config)?.location ?? null,
    slo_url: sloEndpoint(config)?.location ?? null,
    metadata_url: config.metadata_url,
    ...policy,
  };
}
