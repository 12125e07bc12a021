/**
 * Names of properties that reach into prototypes: no object that is made from what strangers send has one of them (checklist AZ-07,
 * SC-06). The edge refuses them as they are spelled; SCIM, whose names know no case, leaves them out in any.
 */
const intoPrototypes = new Set(['__proto__', 'constructor', 'prototype']);

export const reachesPrototype = (name: string): boolean => intoPrototypes.has(name);
