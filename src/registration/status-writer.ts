import { isDeepStrictEqual } from 'node:util';
import { Value } from 'typebox/value';
import { fieldManager, group, version } from '../api/group.ts';
import { kind, subjectOf, type HciClusterRegistration } from '../api/registration.ts';
import { RegistrationStatus } from '../api/status.ts';
import type { KubeClient } from '../kube/client.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { StatusDraft } from './draft.ts';
import { apply, type ResourceType } from '../kube/resource.ts';
import { KubeObject, parser } from '../kube/schema.ts';

/** As the store holds it. What is in spec and status is judged in each pass, so that one odd object does not hide the others. */
export const registrations: ResourceType<KubeObject> = {
  group,
  version,
  plural: 'hciclusterregistrations',
  kind,
  namespaced: true,
  parse: parser(kind, KubeObject),
};

/** As it will be written: what is undefined is left out. */
const withoutUndefined = (draft: StatusDraft, clean: (text: string) => string): RegistrationStatus =>
  Value.Parse(
    RegistrationStatus,
    JSON.parse(JSON.stringify(draft, (_, value: unknown) => (typeof value === 'string' ? clean(value) : value))),
  );

const ready = (from: RegistrationStatus | undefined) => from?.conditions?.find(({ type }) => type === 'Ready');

/**
 * Writes the status if it differs. With `exactly`, to the version that was read only: what must be on record before something is done
 * must not be written over a change that was not seen.
 * @throws KubeError with reason `Conflict`
 */
export async function writeStatus(
  {
    kube,
    events,
    clean,
  }: {
    kube: KubeClient;
    events: EventRecorder;
    /** Takes out what must not be shown. */
    clean: (text: string) => string;
  },
  registration: Pick<HciClusterRegistration, 'metadata' | 'status'>,
  draft: StatusDraft,
  options: { exactly: boolean; signal: AbortSignal },
): Promise<KubeObject | undefined> {
  const status = withoutUndefined(draft, clean);
  if (isDeepStrictEqual(status, registration.status ?? {})) return undefined;
  const { namespace, name, uid, resourceVersion } = registration.metadata;
  const written = await apply(
    kube,
    registrations,
    { metadata: { namespace, name, uid, ...(options.exactly ? { resourceVersion } : {}) }, status },
    { fieldManager, force: true, subresource: 'status', signal: options.signal },
  );
  const [before, after] = [ready(registration.status), ready(status)];
  if (after !== undefined && (before?.status !== after.status || before.reason !== after.reason)) {
    const stalled = status.conditions?.some(({ type }) => type === 'Stalled') === true;
    await events.record(subjectOf(registration.metadata), {
      type: stalled ? 'Warning' : 'Normal',
      reason: after.reason,
      action: 'Reconcile',
      note: after.message,
    });
  }
  return written;
}
