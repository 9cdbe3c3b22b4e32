import type { HciClusterRegistration } from '../api/registration.ts';
import { readApplication, type Application } from '../azure/applications.ts';
import { AzureError } from '../azure/errors.ts';
import { ArcPrincipalMissing } from './failures.ts';
import { valueOf, type Fact, type Observed } from './facts.ts';
import { expire, type Memory } from './memory.ts';
import type { ReadableOnboardingSecretStore } from './onboarding-secret.ts';
import { found, type Reader } from './reader.ts';
import { seldomMs } from './schedule.ts';
import type { Session, Sessions } from '../sign-in/sessions.ts';

const secretGoodForMs = 60_000;

export type ObservedOnboarding = Pick<
  Observed,
  'onboardingSecret' | 'onboardingRecord' | 'onboardingApplication' | 'arcSignIn'
>;

/**
 * The user's own Arc service principal: its Secret, what the nodes were given of it, and whether it signs in. Undefined where the spec
 * names none. Its object id comes with the sign-in, so that no right in Microsoft Graph is needed for it.
 */
export async function observeOnboarding(
  registration: HciClusterRegistration,
  given: {
    sessions: Sessions;
    session: Session | undefined;
    onboarding: ReadableOnboardingSecretStore;
    memory: Memory;
  },
  reader: Reader,
  signal: AbortSignal,
): Promise<ObservedOnboarding | undefined> {
  const { state, onboarding } = registration.spec.arc;
  if (state !== 'Enabled' || onboarding.type !== 'ServicePrincipal') return undefined;
  const { memory, sessions, session } = given;
  const onboardingSecret = await reader.read('onboardingSecret', secretGoodForMs, () =>
    given.onboarding.readSecret(signal),
  );
  const secret = valueOf(onboardingSecret);
  if (secret !== undefined && secret.fingerprint !== memory.onboardingSecret) {
    // Nothing of how it went with the last one says anything of this one.
    if (memory.onboardingSecret !== undefined) {
      expire(memory, ['arcSignIn', 'arcRoles', 'onboardingApplication']);
      memory.failures.clear();
      memory.successes.clear();
    }
    memory.onboardingSecret = secret.fingerprint;
  }
  const onboardingRecord = await reader.read('onboardingRecord', seldomMs, () => given.onboarding.readRecord(signal));
  const arcSignIn: Fact<{ principalId: string }> =
    secret === undefined
      ? onboardingSecret.state === 'unknown'
        ? onboardingSecret
        : { state: 'absent', at: onboardingSecret.at, via: 'live' }
      : await reader.read('arcSignIn', seldomMs, async () => {
          const text = await given.onboarding.readText(secret.fingerprint);
          const signingIn = sessions.tryClientSecret(registration, secret.appId, text, signal);
          return found({ principalId: await signingIn.catch((error: unknown) => throwMissing(secret.appId, error)) });
        });
  // Only to tell its expiry: where it may not be read, the Secret's expiresOn does.
  const onboardingApplication: Fact<Application> =
    secret === undefined || session === undefined
      ? {
          state: 'unknown',
          why: { reason: 'NotYetObserved', message: 'its client id is not known' },
          at: onboardingSecret.at,
        }
      : await reader.read('onboardingApplication', seldomMs, () =>
          readApplication(session.graph, secret.appId, signal),
        );
  return { onboardingSecret, onboardingRecord, onboardingApplication, arcSignIn };
}

/** The tenant is that of the subscription, which was signed in to: what it does not know is not there. */
function throwMissing(appId: string, error: unknown): never {
  const isMissing = error instanceof AzureError && /^AADSTS(700016|7000229)$/.test(error.code);
  throw isMissing ? new ArcPrincipalMissing(appId, error) : error;
}
