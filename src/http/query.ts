/** Addresses: how many parameters one may have. */
import type { Middleware } from 'koa';
import { Fault } from '../core/fault.ts';

/** The longest honest address, an authorization request, has about thirty. */
const maxParameters = 500;

/** Reading a query compares each name with every other one: 5,000 of them would hold everybody up for a tenth of a second (RE-17). */
export function boundQuery(): Middleware {
  return (context, next) => {
    let count = 1;
    const { querystring } = context;
    for (let at = querystring.indexOf('&'); at !== -1; at = querystring.indexOf('&', at + 1)) count += 1;
    if (count > maxParameters) {
      throw new Fault('request_invalid', `At most ${maxParameters} parameters are read of one address.`);
    }
    return next();
  };
}
