import { sameId } from '../../azure/resource-ids.ts';
import { arcApplicationId, holdsArcApplication } from '../arc-application.ts';
import { arcUnwanted } from '../removal.ts';
import { renewsArcSecret } from '../arc-secret-rotation.ts';
import { arcWanted, members, unread, wasGiven, type Step } from '../step.ts';

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
    const unwanted = arcUnwanted(input);
    if (!arcWanted(input) && !unwanted) return [];
    const { arcSecret } = input.observed;
    const on = 'Secret';
    if (arcSecret.state === 'unknown') return [unread(on, arcSecret)];
    if (arcSecret.state === 'absent' || arcSecret.value.held === undefined) return [{ state: 'Done', on }];
    const secret = arcSecret.value;
    const probes = members(input).flatMap(({ probe }) => probe ?? []);
    const appId = arcApplicationId(input);
    // The provider's secret is of no use where the nodes are given another principal's, or hold another one.
    const isOfNoUse =
      unwanted ||
      input.spec.arc.onboarding.type !== 'ResourceProvider' ||
      (appId !== undefined &&
        !sameId(secret.appId, appId) &&
        probes.some((probe) => holdsArcApplication(probe, appId)));
    if (!isOfNoUse && !probes.some((probe) => wasGiven(probe, secret))) return [{ state: 'Done', on }];
    return [{ state: 'Ready', on, arguments: { appId: secret.appId }, renews: renewsArcSecret(input) }];
  },
};
