import { arcApplicationId, holdsArcApplication } from '../arc-application.ts';
import { arcWanted, members, unread, type Step } from '../step.ts';

export interface DropArcSecretArguments {
  /** Whose secret is dropped. */
  appId: string;
}

/** The nodes hold the secret now: only its key id and expiry are kept. */
export const dropArcSecret: Step<DropArcSecretArguments> = {
  microsoft: {
    words: "Forget the Arc service principal's secret",
    command: '(none: the cmdlet holds it in memory only)',
  },
  after: ['InitializeArcIntegration'],
  arc: true,
  affects: () => ['arcSecret', 'arcSignIn'],
  evaluate(input) {
    if (!arcWanted(input)) return [];
    const { arcSecret } = input.observed;
    if (arcSecret.state === 'unknown') return [unread('Secret', arcSecret)];
    const appId = arcApplicationId(input);
    // The provider's secret is of no use where the nodes are given another principal's.
    const isNeeded =
      input.spec.arc.onboarding.type === 'ResourceProvider' &&
      !members(input).some(
        ({ probe }) => probe !== undefined && appId !== undefined && holdsArcApplication(probe, appId),
      );
    if (arcSecret.state === 'absent' || !arcSecret.value.hasText || isNeeded) return [{ state: 'Done', on: 'Secret' }];
    return [{ state: 'Ready', on: 'Secret', arguments: { appId: arcSecret.value.appId } }];
  },
};
