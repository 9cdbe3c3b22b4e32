import { sameId } from '../azure/resource-ids.ts';
import { valueOf } from './facts.ts';
import type { Refusal } from './guards.ts';
import { marksSameObject } from './mark.ts';
import { members, nodesClaim, nonEmpty, type PlanInput } from './step.ts';
import { markTag } from './target.ts';

const detach = 'Set spec.deletion.policy to Detach to release this object and leave all as it is.';

/** Nothing is taken away that may be somebody else's by now: it stays as it is until a person decides. */
export function leavingRefusal(input: PlanInput): Refusal | undefined {
  return registeredElsewhere(input) ?? takenOver(input);
}

function registeredElsewhere(input: PlanInput): Refusal | undefined {
  for (const { name, probe } of members(input)) {
    const uri = probe?.registration.azureResourceUri;
    if (nonEmpty(uri) && !sameId(uri, input.target.resourceId)) {
      return {
        reason: 'RegisteredElsewhere',
        message: `${name} is registered as ${uri} by now, and this object was ${input.target.resourceId}. Nothing is removed. ${detach}`,
      };
    }
  }
  return undefined;
}

function takenOver(input: PlanInput): Refusal | undefined {
  const { target, observed, registeredClusterId } = input;
  const resource = valueOf(observed.resource);
  if (resource === undefined) return undefined;
  const reported = resource.properties.reportedProperties?.clusterId;
  const own = valueOf(observed.cluster)?.id;
  const isOwn = nonEmpty(reported) && sameId(reported, own);
  // A cluster that was built anew has another id, and holds no registration: the resource is what it left behind.
  const wasOwn =
    nonEmpty(reported) &&
    sameId(reported, registeredClusterId) &&
    members(input).every(({ probe }) => !nonEmpty(probe?.registration.azureResourceUri));
  if (nonEmpty(reported) && !isOwn && !wasOwn && (own ?? registeredClusterId) !== undefined) {
    return {
      reason: 'OwnershipConflict',
      message: `${target.resourceId} belongs to the cluster with id ${reported} by now; this one's id is ${own ?? registeredClusterId}. It is not deleted. ${detach}`,
    };
  }
  const mark = resource.tags?.[markTag];
  if (mark === target.mark || (!nonEmpty(mark) && (isOwn || wasOwn || nodesClaim(input) === true))) return undefined;
  if (marksSameObject(mark, target.mark) && (isOwn || nodesClaim(input) === true)) return undefined;
  return {
    reason: 'OwnershipConflict',
    message: nonEmpty(mark)
      ? `${target.resourceId} is managed as ${mark} by now (tag ${markTag}). It is not deleted. ${detach}`
      : `${target.resourceId} does not carry the tag ${markTag}: ${target.mark} any more, and nothing else shows that it is this cluster's. Put the tag back to have it deleted.`,
  };
}
