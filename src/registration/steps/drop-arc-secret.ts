import { valueOf } from '../facts.ts';
import { arcInitialized, arcWanted, members, unread, type Step } from '../step.ts';

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
    const { arcSecret, arcSettings } = input.observed;
    if (arcSecret.state === 'unknown') return [unread('Secret', arcSecret)];
    const settings = valueOf(arcSettings);
    const handedOver =
      settings !== undefined &&
      members(input).some(({ probe }) => probe !== undefined && arcInitialized(probe, settings));
    if (arcSecret.state === 'absent' || !arcSecret.value.hasText || !handedOver)
      return [{ state: 'Done', on: 'Secret' }];
    return [{ state: 'Ready', on: 'Secret', arguments: { appId: arcSecret.value.appId } }];
  },
};
