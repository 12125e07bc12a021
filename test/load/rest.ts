/** REST: every kind of value in every kind of place, and the largest pages. */
import { randomUUID } from 'node:crypto';
import { org_id } from '../bench/population.ts';
import { type Attack, attack, json } from './attack.ts';
import { fill, largeValues } from './bodies.ts';
import type { LoadStage } from './stage.ts';

export function restAttacks(stage: LoadStage): Attack[] {
  const {
    send,
    process: { apiKey },
  } = stage;
  const organization = `/api/v1/organizations/${org_id}`;
  const ask = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    send(path, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'content-type': json }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
  const fine = [200, 201, 400, 404, 409, 413, 422];
  const values = largeValues();
  // Everywhere the two that cost the most; where anything may stand, all of them.
  const worst = Object.entries(values).filter(([what]) => /half a million|31 deep|NFKC/.test(what));
  return [
    attack('REST: 1 MiB from a stranger', [401, 413], () =>
      send('/api/v1/organizations', {
        method: 'POST',
        headers: { 'content-type': json },
        body: values['half a million numbers'] ?? '',
      }),
    ),
    ...Object.entries(values).map(([what, value]) =>
      attack(`REST: an open object: ${what}`, fine, () =>
        ask('PATCH', organization, `{"org_metadata":{"a":${value}}}`),
      ),
    ),
    ...worst.flatMap(([what, value]): Attack[] => [
      attack(`REST: organization, open object: ${what}`, fine, () =>
        ask('PATCH', organization, `{"org_metadata":{"a":${value}}}`),
      ),
      attack(`REST: organization, name: ${what}`, fine, () =>
        ask('POST', '/api/v1/organizations', `{"org_name":${value}}`),
      ),
      attack(`REST: user, e-mail: ${what}`, fine, () => ask('POST', `${organization}/users`, `{"email":${value}}`)),
      attack(`REST: user, properties: ${what}`, fine, () =>
        ask('POST', `${organization}/users`, `{"email":"x${randomUUID()}@large.example","properties":{"a":${value}}}`),
      ),
      attack(`REST: password: ${what}`, fine, () =>
        ask('POST', `${organization}/users`, `{"email":"x@large.example","password":${value}}`),
      ),
      attack(`REST: domain: ${what}`, fine, () => ask('POST', `${organization}/domains`, `{"domain":${value}}`)),
      attack(`REST: application, redirect_uris: ${what}`, fine, () =>
        ask('POST', '/api/v1/applications', `{"client_name":"x","redirect_uris":[${value}]}`),
      ),
      attack(`REST: application, jwks: ${what}`, fine, () =>
        ask(
          'POST',
          '/api/v1/applications',
          `{"client_name":"x","redirect_uris":["https://a.example/"],"jwks":{"keys":[{"kty":${value}}]}}`,
        ),
      ),
      attack(`REST: role, name: ${what}`, fine, () => ask('POST', `${organization}/roles`, `{"role_name":${value}}`)),
      attack(`REST: group, name: ${what}`, fine, () => ask('POST', `${organization}/groups`, `{"name":${value}}`)),
      attack(`REST: group members: ${what}`, fine, () =>
        ask('POST', `${organization}/groups/${stage.population.small_group}/members`, `{"user_ids":${value}}`),
      ),
      attack(`REST: mapping: ${what}`, fine, () =>
        ask(
          'PUT',
          `${organization}/scim-clients/${stage.scim_client_id}/mappings`,
          `{"mappings":[{"local_attribute":${value},"scim_attribute":${value.length < 500_000 ? value : '"x"'}}]}`,
        ),
      ),
      attack(`REST: mapping preview: ${what}`, fine, () =>
        ask(
          'POST',
          `${organization}/scim-clients/${stage.scim_client_id}/mappings/preview`,
          `{"payload":{"userName":"x","emails":${value}}}`,
        ),
      ),
      attack(`REST: metadata_xml: ${what}`, fine, () =>
        ask(
          'POST',
          `${organization}/identity-providers`,
          `{"type":"saml","name":"x","config":{"metadata_xml":${value}}}`,
        ),
      ),
      attack(`REST: certificates: ${what}`, fine, () =>
        ask(
          'POST',
          `${organization}/identity-providers`,
          `{"type":"saml","name":"x","config":{"idp_entity_id":"x","sso_url":"https://a.example/","certificates":[${value}]}}`,
        ),
      ),
      attack(`REST: no object: ${what}`, fine, () => ask('POST', '/api/v1/organizations', value)),
    ]),
    attack('REST: with Idempotency-Key, 1 MiB', fine, () =>
      ask(
        'POST',
        '/api/v1/organizations',
        `{"org_name":"x","slug":"s${randomUUID()}","org_metadata":{"a":${values['one long text']}}}`,
        { 'idempotency-key': randomUUID() },
      ),
    ),
    attack('REST: certificates, a PEM of 1 MiB', fine, () =>
      ask(
        'POST',
        `${organization}/identity-providers`,
        JSON.stringify({
          type: 'saml',
          name: 'x',
          config: {
            idp_entity_id: 'x',
            sso_url: 'https://a.example/',
            certificates: [`-----BEGIN CERTIFICATE-----\n${fill('AAAA\n', 1_000_000)}-----END CERTIFICATE-----`],
          },
        }),
      ),
    ),
    attack('REST: metadata of 1.9 MB, 19,900 elements', fine, () =>
      ask(
        'POST',
        `${organization}/identity-providers`,
        JSON.stringify({
          type: 'saml',
          name: 'x',
          config: {
            metadata_xml: `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x">${`<a b="${'x'.repeat(80)}"/>`.repeat(19_900)}</EntityDescriptor>`,
          },
        }),
      ),
    ),
    attack('REST: metadata of 4 MB', fine, () =>
      ask(
        'POST',
        `${organization}/identity-providers`,
        JSON.stringify({ type: 'saml', name: 'x', config: { metadata_xml: fill('<a/>', 4_000_000) } }),
      ),
    ),
    attack('REST: metadata of 4 MiB escaped', fine, () =>
      ask(
        'POST',
        `${organization}/identity-providers`,
        `{"type":"saml","name":"x","config":{"metadata_xml":"${fill('\\u0061', 4_100_000)}"}}`,
      ),
    ),
    attack('REST: mappings 100', fine, () =>
      ask(
        'POST',
        `${organization}/scim-clients/${stage.scim_client_id}/mappings/preview`,
        JSON.stringify({
          payload: { userName: 'x' },
          mappings: Array.from({ length: 100 }, (_, i) => ({
            local_attribute: `properties.p${i}`,
            scim_attribute: `urn:x:y:z${i}:User:a${i}`,
          })),
        }),
      ),
    ),
    attack('REST: list users, 200', [200], () => ask('GET', `${organization}/users?limit=200`)),
    attack('REST: list audit logs, 200', [200], () => ask('GET', `${organization}/audit-logs?limit=200`)),
    attack('REST: list SCIM requests, 200', [200], () => ask('GET', `${organization}/scim-requests?limit=200`)),
    attack('REST: group members, 200 of 50,000', [200], () =>
      ask('GET', `${organization}/groups/${stage.population.large_group}/members?limit=200`),
    ),
    attack('REST: list organizations, 200', [200], () => ask('GET', `/api/v1/organizations?limit=200`)),
  ];
}
