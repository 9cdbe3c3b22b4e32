import { expect, test } from 'vitest';
import { createClaims } from './claims.ts';

test('who claims a resource first holds it, in whatever case it is written, until it is released', () => {
  const claims = createClaims();
  expect(claims.holder('/A', 'edge/one')).toBeUndefined();
  claims.claim('/A', 'edge/one');
  claims.claim('/B', 'edge/one');
  expect(claims.holder('/a', 'edge/one')).toBeUndefined();
  expect(claims.holder('/a', 'edge/two')).toBe('edge/one');
  claims.release('edge/two');
  expect(claims.holder('/b', 'edge/two')).toBe('edge/one');
  claims.release('edge/one');
  expect(claims.holder('/a', 'edge/two')).toBeUndefined();
  expect(claims.holder('/b', 'edge/two')).toBeUndefined();
});
