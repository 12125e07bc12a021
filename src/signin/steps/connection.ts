/** Which of the organization's identity providers? Asked only where there are several. */
import { emptyAttempt } from '../flow/schema.ts';
import type { Form, Next, Step, Walk } from '../flow/walk.ts';

const connectionsOf = async ({ attempt, call, parts }: Walk) =>
  attempt.org_id === null ? [] : parts.company.connectionsOf(call.db, attempt.org_id);

export const choose: Step = {
  name: 'connection',

  async show(walk: Walk): Promise<Next> {
    const { attempt } = walk;
    const connections = await connectionsOf(walk);
    const [only] = connections;
    if (!only) {
      await walk.save({
        ...emptyAttempt(attempt.attempt_id),
        identifier: attempt.identifier,
        problem: 'company_unavailable',
      });
      return 'dispatch';
    }
    return walk.render('signin/connection', {
      action: walk.address('connection'),
      connections: connections.map(({ provider_id, name }) => ({ provider_id, name })),
      change_url: walk.address('change'),
      identifier: attempt.identifier,
    });
  },

  async submit(walk: Walk, form: Form): Promise<Next> {
    const chosen = (await connectionsOf(walk)).find(({ provider_id }) => provider_id === form.provider_id);
    if (chosen) await walk.save({ ...walk.attempt, provider_id: chosen.provider_id });
    return 'dispatch';
  },
};
