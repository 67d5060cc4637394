/** How the Management API refuses: Auth0's error body, thrown from wherever a request turns out to be wrong. */
import type { Context } from 'hono';

const names = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  415: 'Unsupported Media Type',
} as const;

export class ManagementError extends Error {
  override readonly name = 'ManagementError';
  readonly status: keyof typeof names;
  /** Auth0's `errorCode`. */
  readonly code: string | undefined;

  constructor(status: keyof typeof names, message: string, code?: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const notFound = (what: string, code: string): ManagementError =>
  new ManagementError(404, `The ${what} does not exist.`, code);

/** The answer to what a route has thrown; what is no refusal is a mistake of ours and goes on. */
export function respondWithError(error: Error, c: Context): Response {
  if (!(error instanceof ManagementError)) throw error;
  const { status, message, code } = error;
  const expired = message === expiredToken && { attributes: { error: message } };
  return c.json(
    { statusCode: status, error: names[status], message, ...(code && { errorCode: code }), ...expired },
    status,
  );
}

export const expiredToken = 'Expired token received for JSON Web Token validation';
