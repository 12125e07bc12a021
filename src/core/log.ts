/** The structured log: one JSON object a line, redacted by key name, with the request id where there is one. */
import { type DestinationStream, type Logger, pino } from 'pino';
import { redact } from './redact.ts';

export type Log = Logger;

/** Describes an error for the log with its causes, without values that a driver may have put beside it. */
export function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { thrown: typeof error === 'string' ? error.slice(0, 500) : typeof error };
  const { code, constraint, table, column, schema, routine } = error as Error & Record<string, unknown>;
  return {
    name: error.name,
    // A driver's message may repeat a statement with its values behind " - ": the statement goes, the reason stays.
    message: error.message.split(' - ').at(-1)?.slice(0, 1000),
    code,
    constraint,
    table,
    column,
    schema,
    routine,
    stack: error.stack
      ?.split('\n')
      .slice(1, 12)
      .map((line) => line.trim()),
    cause: error.cause !== undefined && depth < 3 ? describeError(error.cause, depth + 1) : undefined,
  };
}

/** @param destination where lines go; standard output when absent */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
    // pino's own would describe what is described already.
    serializers: { err: (described: unknown) => described },
    formatters: {
      level: (label: string) => ({ level: label }),
      // Before pino's serializers, which would meet errors that redaction has already flattened.
      log: (fields: Record<string, unknown>) =>
        redact(
          Object.fromEntries(
            Object.entries(fields).map(([name, value]) => [
              name,
              value instanceof Error ? describeError(value) : value,
            ]),
          ),
        ) as Record<string, unknown>,
    },
  };
  return destination ? pino(options, destination) : pino(options);
}
