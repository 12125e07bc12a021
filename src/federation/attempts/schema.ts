/** Shapes of sign-in traces. */
import { type Static, Type } from 'typebox';
import { definePermission } from '../../core/permission.ts';
import { ListQuery } from '../../http/list.ts';

const text = () => Type.Union([Type.String(), Type.Null()]);

export const SigninTrace = Type.Object(
  {
    attempt_id: Type.String({ format: 'uuid' }),
    reference: Type.String({ description: 'What the visitor was shown.' }),
    org_id: text(),
    provider_id: text(),
    user_id: text(),
    result: Type.Enum(['success', 'denied', 'failure']),
    code: Type.Union([Type.String(), Type.Null()], { description: 'Why it was refused; null when it was not.' }),
    explanation: text(),
    remedy: text(),
    checks: Type.Array(
      Type.Object({
        check: Type.String(),
        ok: Type.Boolean(),
        code: Type.Optional(Type.String()),
        detail: Type.Optional(Type.String()),
      }),
      { description: 'What was looked at, in order. The last one that is not ok is the reason.' },
    ),
    attributes: Type.Object(
      {},
      {
        additionalProperties: true,
        description: 'Which attributes came, how many values each has, masked, and the field that each was taken for.',
      },
    ),
    is_test: Type.Boolean(),
    ip_address: text(),
    user_agent: text(),
    timestamp: Type.Unsafe<Date>(Type.String({ format: 'date-time' })),
  },
  { $id: 'SigninTrace' },
);
export type SigninTrace = Static<typeof SigninTrace>;

export const TraceQuery = Type.Object({
  ...ListQuery.properties,
  provider_id: Type.Optional(Type.String({ format: 'uuid' })),
  user_id: Type.Optional(Type.String({ format: 'uuid' })),
  result: Type.Optional(Type.Enum(['success', 'denied', 'failure'])),
  code: Type.Optional(Type.String({ maxLength: 100 })),
});
export type TraceQuery = Static<typeof TraceQuery>;

export const readTraces = definePermission(
  'signin_traces.read',
  'Read the traces of sign-ins through identity providers.',
);
