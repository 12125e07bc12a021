import type { Knex } from 'knex';

/**
 * A crash empties unlogged tables, and so does a failover to a standby; a client's assertion that was used before it would count once
 * more after it, as long as it lives (checklist OA-21). Its mark is therefore logged. Opaque access tokens and codes are not: without
 * their rows they are dead, which harms nobody.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('alter table oidc_replay set logged');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('alter table oidc_replay set unlogged');
}
