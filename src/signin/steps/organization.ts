/** For which organization? Asked where the person belongs to several and the application named none. */
import { Fault } from '../../core/fault.ts';
import { membershipsOf } from '../../directory/memberships/service.ts';
import { findUser } from '../../directory/users/service.ts';
import type { Form, Next, Step, Walk } from '../flow/walk.ts';

/** Who is signed in to this browser. @throws Fault interaction_gone when nobody is any more */
async function personOf({ details, call }: Walk) {
  const user = details.session && (await findUser(call.db, details.session.account_id));
  if (!user) throw new Fault('interaction_gone');
  return user;
}

const organizationsOf = async ({ call }: Walk, userId: string) =>
  (await membershipsOf(call.db, userId)).filter(
    ({ status, org_status }) => status === 'active' && org_status === 'active',
  );

export const organization: Step = {
  name: 'organization',

  async show(walk: Walk): Promise<Next> {
    const user = await personOf(walk);
    return walk.render('signin/organization', {
      action: walk.address('organization'),
      organizations: await organizationsOf(walk, user.user_id),
      person: { email: user.email, name: user.username },
    });
  },

  async submit(walk: Walk, form: Form): Promise<Next> {
    const user = await personOf(walk);
    const chosen = (await organizationsOf(walk, user.user_id)).find(({ org_id }) => org_id === form.org_id);
    if (!chosen) return 'dispatch';
    await walk.parts.interactions.finishOrganization(walk.context, walk.uid, chosen.org_id);
    return 'answered';
  },
};
