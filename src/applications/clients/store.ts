/** SQL of `oidc_clients`. */
import type { Knex } from 'knex';
import { refusing } from '../../db/errors.ts';
import { json } from '../../db/json.ts';
import { type ListQuery, type Page, pageOf } from '../../http/list.ts';
import type { ClientRow } from './schema.ts';
import { run, statement } from '../../db/statement.ts';

const columns = [
  'client_id',
  'org_id',
  'client_name',
  'application_type',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'contacts',
  'redirect_uris',
  'post_logout_redirect_uris',
  'grant_types',
  'response_types',
  'token_endpoint_auth_method',
  'id_token_signed_response_alg',
  'scope',
  'default_max_age',
  'default_acr_values',
  'require_auth_time',
  'initiate_login_uri',
  'jwks',
  'jwks_uri',
  'require_pkce',
  'require_pushed_authorization_requests',
  'first_party',
  'resource_uri',
  'resource_scope',
  'resource_token_format',
  'secret_hash',
  'secret_created_at',
  'previous_secret_hash',
  'previous_secret_expires_at',
  'enabled',
  'version',
  'created_by',
  'created_at',
  'updated_at',
] as const;

const constraints = {
  oidc_clients_owner_resource_uri_key: 'resource_uri_taken',
  oidc_clients_org_id_fkey: 'not_found',
} as const;

const written = (row: Partial<ClientRow>): Record<string, unknown> => ({
  ...row,
  ...(row.jwks ? { jwks: json(row.jwks) } : {}),
});

export const insertClient = (db: Knex, row: ClientRow): Promise<ClientRow> =>
  refusing(
    constraints,
    async () =>
      (
        await db('oidc_clients')
          .insert(written(row))
          .returning([...columns])
      )[0],
  );

export const getClient = (db: Knex, client_id: string): Promise<ClientRow | undefined> =>
  db('oidc_clients')
    .where({ client_id })
    .first(...columns);

export const lockClient = (db: Knex, client_id: string): Promise<ClientRow | undefined> =>
  db('oidc_clients')
    .where({ client_id })
    .forNoKeyUpdate()
    .first(...columns);

/** Every change counts the version up, which is what other processes look at. */
export const updateClient = (db: Knex, client_id: string, changes: Partial<ClientRow>): Promise<ClientRow> =>
  refusing(constraints, async () => {
    const rows = await db('oidc_clients')
      .where({ client_id })
      .update({ ...written(changes), version: db.raw('version + 1') })
      .returning([...columns]);
    return rows[0];
  });

export async function deleteClient(db: Knex, client_id: string): Promise<void> {
  await db('oidc_clients').where({ client_id }).delete();
}

/** @param org_id undefined lists those of all organizations and of the system */
export const listClients = (db: Knex, org_id: string | undefined, page: ListQuery): Promise<Page<ClientRow>> =>
  pageOf<ClientRow>(
    db('oidc_clients')
      .select(...columns)
      .modify((query) => {
        if (org_id !== undefined) query.where({ org_id });
      }),
    'client_id',
    page,
  );

const liveVersionStatement = statement(
  'live_client_version',
  `select c.version from oidc_clients c left join organizations o on o.org_id = c.org_id
   where c.client_id = $1 and c.enabled and (c.org_id is null or o.status = 'active')`,
);

/** The version of an application that may be used: enabled, its organization active. */
export async function getLiveVersion(db: Knex, client_id: string): Promise<number | undefined> {
  const [row] = await run<{ version: number }>(db, liveVersionStatement, [client_id]);
  return row?.version;
}

/** The API of an identifier that an application of `org_id` may ask tokens for: its own organization's, else the system's. */
export const getResource = (db: Knex, resource_uri: string, org_id: string | null): Promise<ClientRow | undefined> =>
  db('oidc_clients')
    .where({ resource_uri, enabled: true })
    .where((query) => {
      query.whereNull('org_id');
      if (org_id !== null) query.orWhere({ org_id });
    })
    .orderByRaw('org_id nulls last')
    .first(...columns);
