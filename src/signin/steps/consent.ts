/** May the application know these things? Anything but a clear yes is no answer, a clear no goes back to the application. */
import { Fault } from '../../core/fault.ts';
import { findOrganization } from '../../directory/organizations/service.ts';
import { findUser } from '../../directory/users/service.ts';
import type { Form, Next, Step, Walk } from '../flow/walk.ts';

export const consent: Step = {
  name: 'consent',

  async show(walk: Walk): Promise<Next> {
    const { details, call } = walk;
    const user = details.session && (await findUser(call.db, details.session.account_id));
    if (!user) throw new Fault('interaction_gone');
    const { client, missing } = details;
    const organization = missing.org_id === null ? null : await findOrganization(call.db, missing.org_id);
    return walk.render('signin/consent', {
      action: walk.address('consent'),
      application: {
        name: client.client_name,
        host: client.redirect_host,
        logo_url: client.logo_uri,
        policy_url: client.policy_uri,
        terms_url: client.tos_uri,
      },
      person: { email: user.email, name: [user.first_name, user.last_name].filter(Boolean).join(' ') || user.username },
      ...(organization ? { organization: { org_name: organization.org_name } } : {}),
      scopes: [...missing.scopes, ...Object.values(missing.resources).flat()],
    });
  },

  async submit({ parts, context, uid }: Walk, form: Form): Promise<Next> {
    if (form.decision === 'allow') await parts.interactions.finishConsent(context, uid);
    else if (form.decision === 'deny') await parts.interactions.abort(context, uid);
    else return 'dispatch';
    return 'answered';
  },
};
