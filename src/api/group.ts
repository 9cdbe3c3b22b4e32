/** The API group. It stands here and nowhere else in code. */
export const group = 'azurestackhci.io';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}`;

export const finalizer = `${group}/registration`;
/** Fields that the controller owns by server-side apply. */
export const fieldManager = 'hci-registration-controller';

/** Label of Secrets whose changes are noticed at once; its value is `true`. */
export const watchLabel = `${group}/watch`;

/** Annotations with which a person asks for something now. Values are opaque; each is answered in status. */
export const pokes = {
  reconcile: `${group}/reconcile-requested-at`,
  sync: `${group}/sync-requested-at`,
  rotate: `${group}/rotate-requested-at`,
  repair: `${group}/repair-requested-at`,
} as const;
/** Flux's own annotation, honoured as `reconcile`. */
export const fluxPoke = 'reconcile.fluxcd.io/requestedAt';

interface Annotated {
  annotations?: Record<string, string> | undefined;
}

/** Asked for with either of the two, as status will answer it. */
export function requestedReconcile({ annotations = {} }: Annotated): string | undefined {
  const asked = [annotations[pokes.reconcile], annotations[fluxPoke]].filter((value) => value !== undefined);
  return asked.length === 0 ? undefined : asked.join(' ').slice(0, 256);
}

/** On an object: it may be unregistered although many others are at the same time. Its value is `true`. */
export const unregisterConfirmed = `${group}/unregister-confirmed`;
