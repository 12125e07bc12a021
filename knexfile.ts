/** For `npx knex …` on PostgreSQL, with the same migrations and names as `lintel migrate`. */
import type { Knex } from 'knex';
import { migrationSettings } from './src/db/migrate.ts';

const configuration: Knex.Config = {
  client: 'pg',
  connection: process.env.LINTEL_DATABASE_URL ?? 'postgres://localhost/lintel',
  migrations: migrationSettings(),
};

export default configuration;
