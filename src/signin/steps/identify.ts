/** Who are you? What is typed decides the way, by its domain and the asked organization alone (AU-07). */
import { findUser } from '../../directory/users/service.ts';
import type { Connection } from '../flow/collaborators.ts';
import { wayOf } from '../flow/routing.ts';
import { emptyAttempt } from '../flow/schema.ts';
import type { Form, Next, Step, Walk } from '../flow/walk.ts';

/** As many characters as the column keeps. */
const longest = 320;

export const identify: Step = {
  name: 'identify',

  async show(walk: Walk): Promise<Next> {
    const { attempt, parts, details, call } = walk;
    const hint = details.params.login_hint ?? null;
    const hinted = hint === null ? null : await parts.company.connectionOfHint(call.db, hint);
    if (attempt.identifier === null && attempt.problem === null && (await goStraightOn(walk, hinted)))
      return 'dispatch';
    return walk.render('signin/identify', {
      action: walk.address('identify'),
      identifier: attempt.identifier ?? (isOurs(hint) ? null : hint?.slice(0, longest)) ?? (await signedInAs(walk)),
      problem: problemOf(walk),
    });
  },

  async submit(walk: Walk, form: Form): Promise<Next> {
    const identifier = (form.identifier ?? '').trim().slice(0, longest);
    const { attempt_id } = walk.attempt;
    // Always from the beginning: what was proven for another name is forgotten.
    const fresh = emptyAttempt(attempt_id);
    if (identifier === '') {
      await walk.save({ ...fresh, problem: 'identifier_missing' });
      return 'dispatch';
    }
    const way = await wayOf(walk, identifier);
    await walk.save({
      ...fresh,
      identifier,
      org_id: way.org_id,
      way: way.kind,
      provider_id:
        way.connections.length === 1 && way.kind === 'company' ? (way.connections[0]?.provider_id ?? null) : null,
    });
    return 'dispatch';
  },
};

/** Hints of our own kind name a connection, not a person. */
const isOurs = (hint: string | null): boolean => hint?.startsWith('urn:lintel:') ?? false;

/**
 * Nothing to ask where a connection is named that the application may use, or its organization has one way in: its own
 * identity provider.
 * @returns whether the attempt moved on
 */
async function goStraightOn(walk: Walk, hinted: Connection | null): Promise<boolean> {
  const orgId = walk.askedOrganization;
  const named = hinted !== null && (orgId === null || hinted.org_id === orgId) ? hinted : null;
  const connection = named ?? (orgId === null ? null : await onlyWay(walk, orgId));
  if (!connection) return false;
  await walk.save({ ...walk.attempt, org_id: connection.org_id, way: 'company', provider_id: connection.provider_id });
  return true;
}

async function onlyWay({ call, parts }: Walk, orgId: string): Promise<Connection | null> {
  const [only, ...more] = await parts.company.connectionsOf(call.db, orgId);
  if (!only || more.length > 0) return null;
  return (await parts.company.methodsOf(call.db, orgId)).password === false ? only : null;
}

/** Who signs in anew in this browser is not asked to type the name again; it can be changed. */
async function signedInAs({ call, details }: Walk): Promise<string | undefined> {
  const user = details.session && (await findUser(call.db, details.session.account_id));
  return user?.email ?? user?.username ?? undefined;
}

function problemOf({ attempt }: Walk): object | null {
  switch (attempt.problem) {
    case 'identifier_missing':
      return { field: 'identifier', message: 'Type your e-mail address or username.' };
    case 'company_failed':
      return { message: 'Your company’s sign-in was not completed. Try again.' };
    case 'company_unavailable':
      return { message: 'Your company’s sign-in is not available at the moment.' };
    default:
      return null;
  }
}
