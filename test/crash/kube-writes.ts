import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { group } from '../../src/api/group.ts';

// Kubernetes writes of the controller that count: to registrations and to Secrets. Not events, not leases, not token requests.

const registrations = new RegExp(`^/apis/${group}/[^/]+/(?:namespaces/[^/]+/)?hciclusterregistrations(?:/(.+))?$`);
const secrets = /^\/api\/v1\/(?:namespaces\/[^/]+\/)?secrets(?:\/(.+))?$/;

const Body = Type.Object({
  metadata: Type.Optional(
    Type.Object({
      annotations: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      finalizers: Type.Optional(Type.Array(Type.String())),
    }),
  ),
  data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  status: Type.Optional(
    Type.Object({
      submissions: Type.Optional(Type.Array(Type.Object({ step: Type.String(), target: Type.String() }))),
    }),
  ),
});

/** Is this a list or a watch of registrations or Secrets? */
export const isView = (method: string, path: string): boolean =>
  method === 'GET' && [registrations, secrets].some((pattern) => pattern.test(path) && !pattern.exec(path)?.[1]);

/**
 * The words for a write: what it is about, never a value. A status is named by the intents in it: how often it is written apart from that
 * depends on how fast things go.
 */
export function kubernetesWrite(method: string, path: string, body: unknown): string | undefined {
  if (!['PUT', 'POST', 'PATCH', 'DELETE'].includes(method)) return undefined;
  const [what, pattern] = registrations.test(path) ? ['registration', registrations] : ['secret', secrets];
  const match = pattern.exec(path);
  if (match === null) return undefined;
  const { metadata, data, status } = Value.Check(Body, body) ? body : {};
  const about = [
    ...(status?.submissions ?? []).map(({ step, target }) => `intent ${step} ${target}`),
    ...(metadata?.finalizers === undefined ? [] : [`finalizers ${metadata.finalizers.length}`]),
    ...Object.keys(metadata?.annotations ?? {}).map((key) => key.slice(key.indexOf('/') + 1)),
    ...Object.keys(data ?? {}),
  ];
  const [name = '', subresource] = (match[1] ?? '').split('/');
  const target = [what, subresource, name].filter((part) => part !== undefined && part !== '').join(' ');
  return `${method} ${target}${about.length === 0 ? '' : ` (${about.join(', ')})`}`;
}
