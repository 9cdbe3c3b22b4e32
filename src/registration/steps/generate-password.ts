import { sameId } from '../../azure/resource-ids.ts';
import { holdsArcApplication } from '../arc-application.ts';
import { arcWanted, members, nonEmpty, unread, type Step } from '../step.ts';

export interface GeneratePasswordArguments {
  resourceGroup: string;
  resourceName: string;
  appId: string;
}

/** The secret of the Arc service principal can be read in this answer only; it is kept in our own Secret until the nodes hold it. */
export const generatePassword: Step<GeneratePasswordArguments> = {
  microsoft: {
    words: "Create the Arc service principal's secret",
    command: 'Invoke-AzResourceAction generatePassword',
  },
  after: ['AssignArcRoles'],
  arc: true,
  affects: () => ['arcSecret', 'arcSignIn'],
  evaluate(input) {
    if (!arcWanted(input) || input.spec.arc.onboarding.type !== 'ResourceProvider') return [];
    const { target, observed } = input;
    const on = 'default';
    if (observed.arcSettings.state !== 'present') return [unread(on, observed.arcSettings)];
    const appId = observed.arcSettings.value.properties.arcApplicationClientId;
    if (!nonEmpty(appId)) return [unread(on, { state: 'absent', at: input.now, via: 'live' })];
    const all = members(input);
    if (all.some(({ probe }) => probe !== undefined && holdsArcApplication(probe, appId)))
      return [{ state: 'Done', on }];
    const silent = all.find(({ probe }) => probe === undefined);
    if (silent !== undefined) return [unread(on, silent.fact)];
    if (observed.arcSecret.state === 'unknown') return [unread(on, observed.arcSecret)];
    const held =
      observed.arcSecret.state === 'present' &&
      observed.arcSecret.value.hasText &&
      sameId(observed.arcSecret.value.appId, appId);
    return [
      held
        ? { state: 'Done', on }
        : {
            state: 'Ready',
            on,
            arguments: { resourceGroup: target.resourceGroup, resourceName: target.resourceName, appId },
          },
    ];
  },
};
