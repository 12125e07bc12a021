/** The contract of `test/seed-map.tsv`: each attribute that the seeds draw has its column, of the drawn type. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { emptyDatabase } from '../support/database.ts';
import { readColumns } from './introspect.ts';

/** What PostgreSQL calls the types that the seeds draw. */
const drawnTypes: Readonly<Record<string, string>> = {
  uuid: 'uuid',
  text: 'text',
  string: 'text',
  enum: 'text',
  json: 'jsonb',
  jsonb: 'jsonb',
  boolean: 'boolean',
  bigint: 'bigint',
  int: 'integer',
  integer: 'integer',
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp with time zone',
  datetime: 'timestamp with time zone',
  inet: 'inet',
  'text[]': 'text[]',
};

const uuid = 'uuid';
const inet = 'inet';

/** Where a seed draws another type than the data model settled on: seeds disagree, or a manner of the schema decides. */
const settled: Readonly<Record<string, string>> = {
  // Unix seconds, as three seeds draw them.
  'users.created_at': 'bigint',
  // Keys are uuid; one seed draws them as strings or numbers.
  'users.user_id': uuid,
  'roles.role_id': uuid,
  'permissions.permission_id': uuid,
  'role_permissions.role_id': uuid,
  'role_permissions.permission_id': uuid,
  'role_permissions.assigned_by': uuid,
  'user_roles.role_id': uuid,
  'user_groups.group_id': uuid,
  'user_groups.owner_id': uuid,
  'user_groups.created_by': uuid,
  'user_group_memberships.group_id': uuid,
  'user_group_memberships.user_id': uuid,
  'user_group_memberships.assigned_by': uuid,
  'sessions.session_id': uuid,
  'sessions.user_id': uuid,
  'session_analytics.session_id': uuid,
  'session_analytics.user_id': uuid,
  'session_activities.activity_id': uuid,
  'session_activities.session_id': uuid,
  'session_activities.user_id': uuid,
  'password_reset_tokens.token_id': uuid,
  'password_reset_tokens.user_id': uuid,
  'password_reset_tokens.previous_token_id': uuid,
  'federated_identities.identity_id': uuid,
  'federated_identities.user_id': uuid,
  // The name of a provider became a reference to it.
  'federated_identities.provider_id': uuid,
  // Looked-up secrets are kept as a hash, backup codes one a row.
  'password_reset_tokens.token_hash': 'text',
  'email_verification_tokens.token_hash': 'text',
  'mfa_backup_codes.code_hash': 'text',
  // Objects of the audit log are named by keys of several kinds.
  'audit_logs.object_id': 'text',
  // An enumeration of two values, success and failure.
  'login_attempts.success': 'boolean',
  // Addresses are inet where one seed has a string.
  'audit_logs.ip_address': inet,
  'login_attempts.ip_address': inet,
  'password_reset_tokens.ip_address': inet,
  'sessions.ip_address': inet,
  'session_activities.ip_address': inet,
  'session_analytics.ip_address': inet,
  // Strings that hold JSON or a list.
  'federated_identities.attributes': 'jsonb',
  'session_activities.extra_data': 'jsonb',
  'user_groups.settings': 'jsonb',
  'user_groups.tags': 'text[]',
};

interface Drawn {
  readonly attribute: string;
  readonly type: string;
  readonly home: string;
}

function readSeedMap(): Drawn[] {
  const lines = readFileSync(join(import.meta.dirname, '../seed-map.tsv'), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1);
  return lines.map((line) => {
    const [seed, entity, attribute, type = '', home = ''] = line.split('\t');
    return { attribute: `${seed} ${entity}.${attribute}`, type: type.toLowerCase().replace(/\(\d+\)$/, ''), home };
  });
}

describe('seed map', () => {
  const drawn = readSeedMap();
  const stored = drawn.filter(({ home }) => !home.startsWith('via:'));
  let types: Map<string, string>;

  before(async () => {
    const columns = await readColumns((await emptyDatabase()).knex);
    types = new Map(columns.map(({ table, column, type }) => [`${table}.${column}`, type]));
  });

  it('names 801 attributes, each with a column or with what it is derived from', () => {
    expect(drawn.length).to.equal(801);
    expect(drawn.filter(({ home }) => !/^(via: \S.*|[a-z_]+\.[a-z_]+)$/.test(home))).to.deep.equal([]);
  });

  it('draws no type that this test does not know', () => {
    expect(stored.filter(({ type }) => drawnTypes[type] === undefined)).to.deep.equal([]);
  });

  it('finds every column in the database', () => {
    expect(
      stored.filter(({ home }) => !types.has(home)).map(({ attribute, home }) => `${attribute} → ${home}`),
    ).to.deep.equal([]);
  });

  it('finds the drawn type, or the settled one', () => {
    const wrong = stored.filter(({ home, type }) => types.get(home) !== (settled[home] ?? drawnTypes[type]));
    expect(wrong.map(({ attribute, type, home }) => `${attribute} ${type} → ${home} ${types.get(home)}`)).to.deep.equal(
      [],
    );
  });

  it('settles only where a seed draws something else', () => {
    const needed = new Set(
      stored.filter(({ home, type }) => types.get(home) !== drawnTypes[type]).map(({ home }) => home),
    );
    expect(Object.keys(settled).filter((home) => !needed.has(home))).to.deep.equal([]);
  });
});
