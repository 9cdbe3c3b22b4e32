import { renewsArcSecret } from '../arc-secret-rotation.ts';
import { sameId } from '../../azure/resource-ids.ts';
import { valueOf } from '../facts.ts';
import { arcInitialized, arcWanted, members, unread, wasGiven, type Step } from '../step.ts';

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
  affects: () => ['arcSecret', 'arcSignIn'],
  evaluate(input) {
    if (!arcWanted(input)) return [];
    const { arcSecret, arcSettings } = input.observed;
    const on = 'Secret';
    if (arcSecret.state === 'unknown') return [unread(on, arcSecret)];
    if (arcSecret.state === 'absent' || arcSecret.value.held === undefined) return [{ state: 'Done', on }];
    const secret = arcSecret.value;
    const probes = members(input).flatMap(({ probe }) => probe ?? []);
    const settings = valueOf(arcSettings);
    const isOfAnother =
      settings !== undefined &&
      !sameId(secret.appId, settings.properties.arcApplicationClientId) &&
      probes.some((probe) => arcInitialized(probe, settings));
    if (!isOfAnother && !probes.some((probe) => wasGiven(probe, secret))) return [{ state: 'Done', on }];
    return [{ state: 'Ready', on, arguments: { appId: secret.appId }, renews: renewsArcSecret(input) }];
  },
};
