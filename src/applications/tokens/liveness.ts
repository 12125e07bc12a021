/**
 * What must hold at every use of a session, code or token, as SQL: nothing is revoked by deleting rows or by caches,
 * so a disabled account, organization, membership or application is felt at the next request (OA-26, RT-06, RT-07, SE-06).
 * A read across rooms, never a write: it asks `users`, `organizations`, `user_organization_info`, `scim_clients` and `sessions`.
 */

/*
 * Scalar subqueries by key, each null when there is no row, which a WHERE takes for no. Written with EXISTS, PostgreSQL may plan
 * to hash a whole table while it is small and keep that plan when it has grown.
 */
const organization = (id: string) => `(select o.status = 'active' from organizations o where o.org_id = ${id})`;

const client = (id: string) =>
  `(select c.enabled and (c.org_id is null or ${organization('c.org_id')}) from oidc_clients c where c.client_id = ${id})`;

/** A joined row of `users`. Not `locked`: a lockout keeps new sign-ins out, and must not let strangers end the sessions of others. */
const person = (u: string) =>
  `${u}.enabled and ${u}.deleted_at is null and (${u}.home_org_id is null or ${organization(`${u}.home_org_id`)})`;

// Not `u`: callers have a `u` of their own, and `u.user_id = u.user_id` would ask about nobody.
const user = (id: string) => `(select ${person('person')} from users person where person.user_id = ${id})`;

/** Joined rows of `user_organization_info` and of its organization. */
const member = (m: string, o: string) => `${m}.status = 'active' and ${o}.status = 'active'`;

/** A SCIM client is an OAuth client of its own kind. @param now placeholder of the moment */
const scimClient = (id: string, now: string) =>
  `(select s.enabled and (s.expires_at is null or s.expires_at > ${now}) and ${organization('s.org_id')}
    from scim_clients s where s.client_id = ${id})`;

export const isActive = { organization, client, scimClient, user, person, member };

/** A row `p` of oidc_sessions. @param now placeholder of the moment */
export const sessionIsAlive = (p: string, now: string): string =>
  `${p}.expires_at > ${now}
   and (${p}.session_id is null or (select not s.revoked and s.expires_at > ${now}
     and (s.idle_expires_at is null or s.idle_expires_at > ${now}) from sessions s where s.session_id = ${p}.session_id))
   and (${p}.user_id is null or ${user(`${p}.user_id`)})`;

/**
 * A row `t` of a code or token table joined with its grant `g` and its subject (`subjectJoins`): grant and family not revoked,
 * everybody active, the session that it began in not revoked, and there at all when the token is bound to it.
 * @param org the organization it speaks for (a column) @param now placeholder of the moment
 */
export const grantIsAlive = (org: string, now: string): string =>
  `g.revoked_at is null and not (t.family_id::text = any (g.dead_families))
   and ${person('u')} and ${client('g.client_id')}
   and (${org} is null or (${member('m', 'o')}))
   and (t.session_id is null or (select not s.revoked from sessions s where s.session_id = t.session_id))
   and (not t.session_bound or (select p.user_id = g.user_id and ${sessionIsAlive('p', now)}
     from oidc_sessions p where p.uid = t.session_uid))`;
