/** An organization that allows no password and has no identity provider that works: nobody signs in, whoever it is. */
import { edgeOf } from '../../http/server.ts';
import type { Next, Step, Walk } from '../flow/walk.ts';

export const nowhere: Step = {
  name: 'nowhere',
  show(walk: Walk): Promise<Next> {
    walk.context.status = 403;
    return walk.render('signin/error', {
      title: 'There is no way to sign in yet',
      message: 'This organization has not set up a way to sign in.',
      advice: ['Ask your company’s administrator.', 'If you have another account, use it instead.'],
      reference: edgeOf(walk.context).request_id,
      retry_url: walk.address('change'),
    });
  },
};
